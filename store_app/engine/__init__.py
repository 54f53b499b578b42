"""The store app without its face: a local store, a queue of commands, the sync, and the verbs that screens call.

Everything is written here first and synced later, so a screen never waits for a network. `Engine` (in `engine`) is the
way in; `README.md` lists what screens may call. No Flet in here.
"""

from store_app.engine.engine import Engine

__all__ = ["Engine"]

"""The app's face: Flet components that show what the engine knows and ask it for what the associate wants.

Nothing in here touches SQL or HTTP. State lives outside the components (`state.py`); components read it with the
hooks in `hooks.py`, and are built from the parts in `components/`.
"""

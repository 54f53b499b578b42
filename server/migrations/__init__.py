"""The database schema, step by step. Files in `versions` are named by date and purpose.

Until the first release the one migration creates everything; `python -m server.migrations.foundation` writes it anew
from the tables the slices declare. After that: expand, then contract, so that one release back keeps working.
"""

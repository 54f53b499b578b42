"""Connectors to the far side: each implements a protocol of the slice that needs it."""

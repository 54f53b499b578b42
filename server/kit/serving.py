"""An HTTP server that tells its application at once when it is asked to stop."""

from __future__ import annotations

import asyncio
from types import FrameType

import uvicorn
from fastapi import FastAPI

from server.kit.web import Parts


class Server(uvicorn.Server):
    """Sets `draining` with the signal, so that long polls end and load balancers turn away before sockets close."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        parts: Parts | None = getattr(self._app.state, "parts", None)
        if parts is not None:
            asyncio.get_running_loop().call_soon_threadsafe(parts.draining.set)
        super().handle_exit(sig, frame)

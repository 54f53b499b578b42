"""What happened, for the operator: a structured log, and figures for Prometheus.

Requests that fail or take longer than a second are logged; with the level DEBUG, all are. Every answer carries an
`X-Request-Id`, which stands in each log line of that request.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.kit import problems

SLOW_S = 1.0
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
log = structlog.get_logger(__name__)


def configure(*, level: str = "INFO", form: str = "text") -> None:
    """Set up structlog, and send the standard library's loggers the same way."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    draw: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, draw],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, draw]
        )
    )
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.INFO), force=True)
    for chatty in ("alembic", "httpx", "fontTools"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class Figures:
    """Counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "baton_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "baton_request_seconds", "Time to answer.", ("method", "route"), buckets=BUCKETS, registry=self.registry
        )
        self.open = Gauge("baton_requests_open", "Requests being answered.", registry=self.registry)


class RequestLog:
    """The outermost ASGI middleware: request id, log line, figures, and 500 for what nobody expected."""

    def __init__(self, app: ASGIApp, *, figures: Figures) -> None:
        self.app = app
        self.figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = os.urandom(8).hex()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        self.figures.open.inc()
        try:
            await self.app(scope, receive, sending)
        except Exception:
            log.exception("unexpected error", request=request_id, method=scope["method"], path=scope["path"])
            if status:
                raise
            detail = f"Tell support the request id {request_id}."
            await problems.response(problems.plain(500, detail), request_id=request_id)(scope, receive, sending)
        finally:
            self.figures.open.dec()
            self._note(scope, request_id, status, time.perf_counter() - began)

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self.figures.requests.labels(scope["method"], route, status).inc()
        self.figures.seconds.labels(scope["method"], route).observe(seconds)
        write = log.warning if status >= 500 or status == 0 else log.info if status >= 400 else log.debug
        if seconds > SLOW_S and "wait" not in scope["query_string"].decode("latin-1"):
            write = log.warning
        write(
            "request",
            request=request_id,
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
        )

"""What the server tells of itself: a log, figures for Prometheus, and a name for each request.

Knows nothing of what is asked: no question, no answer and no secret is in it, unless the questions
are asked for by a setting.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gate import Gate
from ui.problems import ProblemResponse, problem_of, request_id

_log = logging.getLogger(__name__)

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class Metrics:
    """The figures of one server."""

    def __init__(self, gate: Gate) -> None:
        self.registry = CollectorRegistry()
        of = self.registry

        def counter(name: str, said: str, *labels: str) -> Counter:
            return Counter(name, said, labels, namespace="ask_articles", registry=of)

        self.requests = counter("requests", "Requests.", "method", "route", "status")
        self.answers = counter(
            "answers", "Questions that were read, those of the gold set too.", "outcome"
        )
        self.uploads = counter("uploads", "Files that were dropped in.", "outcome")
        self.sign_in_failures = counter("sign_in_failures", "Wrong names and passwords.")
        self.errors = counter("errors", "Errors that nobody foresaw.")
        self.seconds = Histogram(
            "answer_seconds",
            "Seconds of an answer.",
            ["stage"],
            namespace="ask_articles",
            buckets=_SECONDS,
            registry=of,
        )
        self.registry.register(_Line(gate))


class _Line(Collector):
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Any:
        for name, said, value in (
            ("waiting", "Who waits for their turn.", self._gate.waiting),
            ("running", "Who has been let through.", self._gate.running),
            ("refused_as_busy", "Who was refused since the start.", self._gate.refused),
        ):
            yield GaugeMetricFamily(f"ask_articles_{name}", said, value)


class Observing:
    """Names each request, counts it, and says of an error that nobody foresaw only that name."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = secrets.token_hex(8)
        request_id.set(name)
        started = time.perf_counter()
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = name
            await send(message)

        try:
            await self.app(scope, receive, named)
        except Exception as error:
            _log.exception("Error %s", name)
            if not status:
                await ProblemResponse(problem_of(error))(scope, receive, named)
        finally:
            # A route as it was written: what stands for its parts may tell whose it is.
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            seconds = round(time.perf_counter() - started, 4)
            fields = {"method": method, "route": route, "status": status, "seconds": seconds}
            _log.info("request", extra={"fields": fields})


_METHODS = {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}


class _Counting(logging.Handler):
    """Counts what the assistant and the pages log."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self._metrics.errors.inc()
        if upload := getattr(record, "upload", None):
            self._metrics.uploads.labels(upload).inc()
        if answer := getattr(record, "answer", None):
            outcome = "abstained" if answer.abstained else "answered"
            self._metrics.answers.labels(outcome).inc()
            for stage, seconds in answer.timings.items():
                self._metrics.seconds.labels(stage).observe(seconds)


class _Json(logging.Formatter):
    """One line of JSON for each record."""

    def __init__(self, *, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "request": request_id.get(),
        }
        line |= getattr(record, "fields", {})
        if answer := getattr(record, "answer", None):
            line |= {
                "abstained": answer.abstained,
                "confidence": round(answer.confidence, 3),
                "quotations": len(answer.citations),
                "seconds": {stage: round(time_, 4) for stage, time_ in answer.timings.items()},
            }
            if self._questions:
                line["question"] = answer.question
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


@contextmanager
def watching(metrics: Metrics, *, as_json: bool, questions: bool) -> Iterator[None]:
    """Log to standard error: as JSON each request and each answer, else only what is wrong."""
    screen = logging.StreamHandler(sys.stderr)
    if as_json:
        screen.setFormatter(_Json(questions=questions))
    else:
        screen.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
        screen.setLevel(logging.WARNING)
    handlers = [screen, _Counting(metrics)]
    ours = [logging.getLogger(name) for name in ("rag", "index", "ui")]
    before = [logger.level for logger in ours]
    try:
        for handler in handlers:
            logging.getLogger().addHandler(handler)
        for logger in ours:
            logger.setLevel(logging.INFO)
        yield
    finally:
        for handler in handlers:
            logging.getLogger().removeHandler(handler)
        for logger, level in zip(ours, before, strict=True):
            logger.setLevel(level)

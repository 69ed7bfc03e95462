"""What a server tells its operator: counts for Prometheus, and a line of JSON a request."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lapel.serving.models import Models

access = logging.getLogger("lapel.access")

#: Edges of the histogram of answering times, in seconds.
SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

#: What requests to no route of ours are counted under: strangers choose paths.
OTHER = "other"

#: Methods that are counted by name.
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


class Telemetry:
    """Counts of one server, and the lines of its log."""

    def __init__(self, models: Models, *, log: bool = False) -> None:
        """Begin to count.

        Args:
            models: whose queues are told of, too.
            log: whether to log a line a request.
        """
        self._log = log
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lapel_requests", "Requests answered", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "lapel_request_seconds", "Time from head to end of the answer", ["route"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_OfModels(models))
        ProcessCollector(registry=self.registry)

    def note(
        self,
        *,
        method: str,
        route: str,
        status: int,
        client: str | None,
        seconds: float,
        sent_bytes: int,
    ) -> None:
        """Count a request that was answered, and log it."""
        self.requests.labels(method, route, status).inc()
        self.seconds.labels(route).observe(seconds)
        if self._log:
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "client": client,
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "bytes": sent_bytes,
            }
            access.info(json.dumps(line))


class _OfModels(Collector):
    """What queues counted, read when somebody asks."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """All metrics of all models."""
        pictures = CounterMetricFamily(
            "lapel_pictures", "Pictures by outcome", labels=["model", "outcome"]
        )
        refused = CounterMetricFamily(
            "lapel_refused", "Requests refused because too much was waiting", labels=["model"]
        )
        batches = CounterMetricFamily("lapel_batches", "Runs of the engine", labels=["model"])
        busy = CounterMetricFamily(
            "lapel_engine_seconds", "Time that the engine ran", labels=["model"]
        )
        reloads = CounterMetricFamily(
            "lapel_reloads", "Times that a bundle was replaced", labels=["model"]
        )
        waiting = GaugeMetricFamily("lapel_waiting_pictures", "Pictures waiting", labels=["model"])
        pace = GaugeMetricFamily(
            "lapel_seconds_a_picture", "Seconds a picture while there is work", labels=["model"]
        )
        info = GaugeMetricFamily(
            "lapel_model_info", "The models", labels=["model", "version", "fingerprint"]
        )
        for model in self._models:
            name, counts = [model.name], model.counts
            pictures.add_metric([*name, "answered"], counts.answered)
            pictures.add_metric([*name, "failed"], counts.failed)
            refused.add_metric(name, counts.refused)
            batches.add_metric(name, counts.batches)
            busy.add_metric(name, counts.busy_seconds)
            reloads.add_metric(name, model.reloads)
            waiting.add_metric(name, model.waiting)
            pace.add_metric(name, model.pace)
            info.add_metric([*name, model.version, model.fingerprint], 1)
        yield from (pictures, refused, batches, busy, reloads, waiting, pace, info)


class Observed:
    """Counts each request, and logs it: no address of it but the route, no name of a picture."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        status, sent_bytes = 0, 0

        async def sent(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            self._note(scope, status, sent_bytes, time.monotonic() - begun)

    def _note(self, scope: Scope, status: int, sent_bytes: int, seconds: float) -> None:
        self._telemetry.note(
            method=scope["method"] if scope["method"] in _METHODS else OTHER,
            route=getattr(scope.get("route"), "path", OTHER),
            status=status,
            client=scope["client"][0] if scope.get("client") else None,
            seconds=seconds,
            sent_bytes=sent_bytes,
        )

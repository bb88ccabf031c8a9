"""Figures for Prometheus."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The server's figures; others add theirs to :attr:`registry`, under names with ``rallypoint_``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = Counter(
            "rallypoint_http_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "rallypoint_http_request_seconds", "Time to answer", ["route"], registry=self.registry
        )
        self._under_way = 0
        Gauge(
            "rallypoint_http_requests_under_way", "Requests being answered", registry=self.registry
        ).set_function(lambda: self._under_way)
        # Looking labels up costs more than counting; the routes there are bound what is kept here.
        self._children = lru_cache(maxsize=4096)(self._find)

    def busy(self) -> bool:
        """Tell whether any request is being answered."""
        return self._under_way > 0

    def began(self) -> None:
        """Count a request as being answered from now on; :meth:`request` must follow."""
        self._under_way += 1

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that :meth:`began` as answered.

        Args:
            method: Of the request; unusual ones are counted together.
            route: The route's path with its variables unfilled; empty when none matched.
            status: Of the reply; 0 when the client left before one.
            seconds: From the first byte to the last.
        """
        self._under_way -= 1
        counter, histogram = self._children(method if route else "OTHER", route, status)
        counter.inc()
        histogram.observe(seconds)

    def _find(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(method, route, str(status)), self._seconds.labels(route)

    def text(self) -> bytes:
        """Return everything in the exposition format."""
        return generate_latest(self.registry)

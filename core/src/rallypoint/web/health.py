"""Whether the server lives, whether it can serve, and its figures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Any, Literal

import structlog
from pydantic import BaseModel

from rallypoint.errors import Forbidden
from rallypoint.metrics import CONTENT_TYPE, Metrics
from rallypoint.web.routing import Access, Call, Reply, Routes

log: Any = structlog.get_logger("rallypoint.health")

CHECK_TIMEOUT = 2.0
_FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")

Check = Callable[[], Awaitable[object]]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    """Whether requests will be served; neither a plugin that is down nor what is degraded keeps them from it."""

    status: Literal["ready", "unready"]
    checks: dict[str, Literal["ok", "failing", "degraded"]]
    plugins: dict[str, int]


def health_routes(
    *,
    version: str,
    checks: Mapping[str, Check],
    degradable: Mapping[str, Callable[[], bool]],
    plugins: Callable[[], Mapping[str, int]],
    metrics: Metrics,
    metrics_for: Literal["loopback", "operator", "public"],
) -> Routes:
    """Return ``/health``, ``/api/health``, ``/ready`` and ``/metrics``.

    Args:
        version: Of the server.
        checks: What must work before requests are served; each raises when it does not, and that is logged.
        degradable: What is served without while it does not work; each tells whether it does.
        plugins: How many plugins have each status.
        metrics: What ``/metrics`` shows.
        metrics_for: Who may see it.
    """
    routes = Routes(tag="server", limit="none")

    async def alive(_call: Call) -> Reply:
        return Reply(Alive(version=version))

    for path in ("/health", "/api/health"):
        routes.add(
            "GET", path, summary="Tell that the server lives", replies={200: Alive}, access=Access.PUBLIC
        )(alive)

    @routes.add(
        "GET",
        "/ready",
        summary="Tell whether the server can serve",
        replies={200: Readiness, 503: Readiness},
        access=Access.PUBLIC,
    )
    async def ready(_call: Call) -> Reply:
        works = await asyncio.gather(*(_works(name, check) for name, check in checks.items()))
        state = Readiness(
            status="ready" if all(works) else "unready",
            checks={
                **{name: "ok" if ok else "failing" for name, ok in zip(checks, works, strict=True)},
                **{name: "ok" if is_up() else "degraded" for name, is_up in degradable.items()},
            },
            plugins=dict(plugins()),
        )
        return Reply(state, 200 if all(works) else 503)

    @routes.add(
        "GET",
        "/metrics",
        summary="Read the figures for Prometheus",
        replies={200: None},
        errors=(403,),
        access=Access.OPERATOR if metrics_for == "operator" else Access.PUBLIC,
    )
    async def read_metrics(call: Call) -> Reply:
        if metrics_for == "loopback" and not _is_local(call):
            raise Forbidden("Figures are for this machine alone; see RALLYPOINT_METRICS")
        return Reply(metrics.text(), content_type=CONTENT_TYPE)

    return routes


async def _works(name: str, check: Check) -> bool:
    try:
        await asyncio.wait_for(check(), CHECK_TIMEOUT)
    except Exception:
        log.warning("a readiness check fails", check=name, exc_info=True)
        return False
    return True


def _is_local(call: Call) -> bool:
    """Tell whether the caller is on this machine itself, and not at a proxy that is."""
    if any(name in call.headers for name in _FORWARDED):
        return False
    try:
        return ip_address(call.client).is_loopback
    except ValueError:
        return False

"""``/api/plugins``: what operators see of plugins, and how they lift a quarantine (DECISIONS 9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from rallypoint.errors import NotFound
from rallypoint.plugins.status import PluginStatus, Status
from rallypoint.storage import clock
from rallypoint.web.routing import Access, Call, Data, Done, Reply, Routes


class PluginOut(BaseModel):
    """A discovered plugin, broken ones too."""

    name: str
    distribution: str
    version: str
    title: str
    status: Status
    stage: str
    reason: str
    remedy: str
    since: str
    capabilities: list[str]
    routes: list[str]


def document(status: PluginStatus) -> dict[str, Any]:
    """Return a status as the API shows it."""
    return {**asdict(status), "since": clock.rfc3339(status.since)}


def plugin_routes(
    statuses: Callable[[], Awaitable[Sequence[PluginStatus]]], resume: Callable[[str], Awaitable[bool]]
) -> Routes:
    """Return the routes.

    Args:
        statuses: How every discovered plugin is, over all processes.
        resume: Asks every process to lift a plugin's quarantine, and tells whether it takes a restart.
    """
    routes = Routes("/api/plugins", tag="operators")

    @routes.add(
        "GET",
        "",
        summary="List every discovered plugin",
        replies={200: Data[list[PluginOut]]},
        access=Access.OPERATOR,
    )
    async def list_plugins(_call: Call) -> Reply:
        return Reply({"data": [document(status) for status in await statuses()]})

    @routes.add(
        "POST",
        "/<name>/resume",
        summary="Lift a plugin's quarantine",
        replies={200: Done},
        errors=[404],
        access=Access.OPERATOR,
    )
    async def resume_plugin(_call: Call, name: str) -> Reply:
        if name not in {status.name for status in await statuses()}:
            raise NotFound("No such plugin")
        restart = await resume(name)
        when = "at the next start" if restart else "within two seconds"
        return Reply(Done(message=f"{name} is resumed {when}"))

    return routes

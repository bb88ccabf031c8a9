"""A plugin whose integrations do not work, installed by the tests as ``rallypoint_faulty``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.integrations.api import Action, IntegrationSource, Section, Viewer
from rallypoint.sdk import PluginContext, hookimpl


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[Any]:
    def source(key: str, status: Any, section: Any) -> IntegrationSource:
        return IntegrationSource(key, key.title(), status=status, section=section)

    async def hang(_viewer: Viewer) -> Any:
        await asyncio.sleep(3600)

    async def fail(_viewer: Viewer) -> Any:
        raise ValueError("no such thing")

    def plain(_viewer: Viewer) -> Any:
        raise RuntimeError("not even a coroutine")

    async def unsendable(_viewer: Viewer) -> Mapping[str, Any]:
        return {"connected": True, "what": object()}

    async def yes(_viewer: Viewer) -> Mapping[str, Any]:
        return {"connected": "yes", "secret": "not to be seen"}

    async def no_section(_viewer: Viewer) -> Any:
        return "a section"

    async def twice(_viewer: Viewer) -> Section:
        return Section("Twice", actions=(Action("a", "A", fail), Action("a", "A", fail)))

    return [
        source("hanging", hang, hang),
        source("failing", fail, fail),
        source("plain", plain, plain),
        source("odd", unsendable, no_section),
        source("liar", yes, twice),
        source("liar", yes, twice),
        source("Bad_key", yes, twice),
        IntegrationSource("nothing", "Nothing"),
        "nonsense",
    ]

"""A plugin whose actions do not work, installed by the tests as ``rallypoint_buggy``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.domains.integrations.api import Action, IntegrationSource, Section, Viewer, Went
from rallypoint.sdk import PluginContext, hookimpl


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    async def status(_viewer: Viewer) -> Mapping[str, Any]:
        return {"connected": True}

    async def bug(_viewer: Viewer, _values: Mapping[str, str]) -> Went:
        raise KeyError("the database password")

    async def nonsense(_viewer: Viewer, _values: Mapping[str, str]) -> Any:
        return "done"

    async def lure(_viewer: Viewer, _values: Mapping[str, str]) -> Went:
        return Went(go_to="javascript:alert(1)")

    async def actions(_viewer: Viewer) -> Section:
        return Section(
            "Actions", actions=tuple(Action(run.__name__, "Do", run) for run in (bug, nonsense, lure))
        )

    return [IntegrationSource("buggy", "Buggy", status=status, section=actions)]

"""A plugin whose integration never answers, installed by the tests as ``rallypoint_slow``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rallypoint.domains.integrations.api import IntegrationSource, Viewer
from rallypoint.sdk import PluginContext, hookimpl


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    async def hang(_viewer: Viewer) -> Any:
        await asyncio.sleep(3600)

    return [IntegrationSource("hanging", "Hanging", status=hang, section=hang)]

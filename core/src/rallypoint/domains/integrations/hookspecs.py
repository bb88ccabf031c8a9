"""What plugins may add to integrations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rallypoint.domains.integrations.api import IntegrationSource
from rallypoint.plugins.hookspecs import hookspec

if TYPE_CHECKING:
    from rallypoint.plugins.context import PluginContext


@hookspec
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    """Return the plugin's integrations as users see them; keys are unique on the server.

    Called once, at start. A connection that the plugin declares needs none of this: without a source of its
    own it has a default one.

    since: 0.1

    Example:
        >>> async def status(viewer: Viewer) -> Mapping[str, Any]:
        ...     return {"connected": True, "plan": "free"}
        >>> async def refresh(viewer: Viewer, values: Mapping[str, str]) -> Went:
        ...     return Went("Everything is up to date")
        >>> async def section(viewer: Viewer) -> Section:
        ...     return Section("Acme", "Lists from Acme.", "connected", facts=(Fact("Plan", "free"),),
        ...         actions=(Action("refresh", "Refresh now", refresh),))
        >>> @hookimpl
        ... def integration_status(ctx) -> Sequence[IntegrationSource]:
        ...     return [IntegrationSource("acme", "Acme", status=status, section=section)]
    """
    raise NotImplementedError

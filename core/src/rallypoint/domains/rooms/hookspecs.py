"""What plugins may add to rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rallypoint.domains.rooms.api import RoomSource
from rallypoint.plugins.hookspecs import hookspec

if TYPE_CHECKING:
    from rallypoint.plugins.context import PluginContext


@hookspec
def register_room_sources(ctx: PluginContext) -> Sequence[RoomSource]:
    """Return the services whose sessions ``POST /rooms/:id/sync`` can pull; names are unique on the server.

    since: 0.1

    Example:
        >>> async def pull(request: Pull) -> ExternalRoom | None:
        ...     return ExternalRoom(name="Acme session " + request.external_id)
        >>> @hookimpl
        ... def register_room_sources(ctx) -> Sequence[RoomSource]:
        ...     return [RoomSource("acme", pull)]
    """
    raise NotImplementedError

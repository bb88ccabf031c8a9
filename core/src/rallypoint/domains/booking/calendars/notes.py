"""What the owner of a connection is told of its sync, in the connection's timeline."""

from __future__ import annotations

from typing import Protocol

from rallypoint.connections.timeline import Kind
from rallypoint.domains.booking.calendars.claims import Claim


class Connections(Protocol):
    """What is needed of ``ctx.kernel.connections``."""

    async def note(
        self, connection_id: str, kind: Kind, *, until: int | None = None, detail: str = ""
    ) -> None:
        """Write a line of a connection's timeline; joins the transaction under way."""
        ...


class Note:
    """Writes lines of timelines.

    Args:
        connections: Whose.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def __call__(
        self, claim: Claim | str, kind: Kind, detail: str = "", *, until: int | None = None
    ) -> None:
        """Write a line about a connection, which is named by its id or by a claim on its calendar."""
        connection_id = claim if isinstance(claim, str) else claim.connection_id
        await self._connections.note(connection_id, kind, until=until, detail=detail)

"""The bodies of deliveries whose kind of target does not take the event's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rallypoint.events.types import Event
from rallypoint.storage.database import Row
from rallypoint.webhooks.reading import Reader

Renderer = Callable[[Event], bytes]


async def rendered(
    reader: Reader, renderers: Mapping[str, Renderer], rows: Sequence[Row], kind_of: Callable[[Row], str]
) -> dict[str, bytes]:
    """Return the bodies, by delivery, of targets whose kind renders its own.

    Args:
        reader: Reads the whole events of those alone.
        renderers: By kind of target.
        rows: Deliveries.
        kind_of: Returns the kind of a delivery's target.
    """
    special = [(row, renderer) for row in rows if (renderer := renderers.get(kind_of(row))) is not None]
    if not special:
        return {}
    events = await reader.events({row["event_id"] for row, _ in special})
    return {row["id"]: renderer(events[row["event_id"]]) for row, renderer in special}

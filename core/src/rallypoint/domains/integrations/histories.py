"""The past of connections in words, for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rallypoint.connections.api import Owner
from rallypoint.connections.service import Connections
from rallypoint.connections.timeline import LOGGED, Timeline
from rallypoint.domains.integrations.api import Viewer

LINES = 20
_WORDS = {
    "connected": "Connected",
    "refreshed": "Permission refreshed",
    "pushed": "Changes sent",
    "polled": "Looked for changes",
    "cursor": "Read up to here",
    "renewal": "Notifications renewed",
    "failed": "Failed",
    "needs_reauth": "Needs attention",
    "recovered": "Works again",
    "notified": "Heard of a change",
    "conflict": "Changed on both sides",
    "skipped": "Left out",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a history.

    Args:
        at: Milliseconds.
        text: What happened.
    """

    at: int
    text: str


def lines(timeline: Timeline) -> Sequence[Line]:
    """Return a timeline as lines, the latest first: each change of state, and all else with its latest time."""
    logged = [Line(entry.at, _text(entry.kind, entry.detail)) for entry in timeline.log]
    marked = [
        Line(mark.last_at, f"{_text(mark.kind, mark.detail)}{_times(mark.count)}")
        for mark in timeline.marks
        if mark.kind not in LOGGED
    ]
    return sorted([*logged, *marked], key=lambda line: line.at, reverse=True)[:LINES]


async def histories(connections: Connections, viewer: Viewer) -> Mapping[str, Sequence[Line]]:
    """Return the histories of a user's connections by service."""
    rows = await connections.list(Owner(viewer.account_id, viewer.user_id, viewer.mode))
    return {row["service"]: lines(await connections.timeline(row["id"])) for row in rows}


def _text(kind: str, detail: str) -> str:
    word = _WORDS.get(kind, kind.replace("_", " ").capitalize())
    return f"{word}: {detail}" if detail else word


def _times(count: int) -> str:
    return "" if count == 1 else f" ({count} times)"

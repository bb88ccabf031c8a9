"""Recurring events: a delta lists their occurrences with times alone, the rest stands in their master."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rallypoint.sdk import Connection
from rallypoint_microsoft.events import find

_OWN = ("type", "recurrence", "transactionId")  # of the master, not of its occurrences


class Series:
    """The masters that a look has come across.

    Args:
        connection: Whose calendar it is.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._masters: dict[str, Mapping[str, Any]] = {}

    async def learn(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Know the masters of these events; those that are not among them are asked for, once each."""
        for item in items:
            if item.get("type") == "seriesMaster":
                self._masters[str(item["id"])] = _common(item)
        for item in items:
            master = str(item.get("seriesMasterId") or "")
            if master and "showAs" not in item and master not in self._masters:
                self._masters[master] = _common(await find(self._connection, master) or {})

    def whole(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an event with what its master says of it."""
        master = self._masters.get(str(item.get("seriesMasterId") or ""), {})
        return {**master, **item}


def _common(master: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in master.items() if name not in _OWN}

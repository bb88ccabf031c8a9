"""Who is on a topic, in the shape that Phoenix's clients know.

A key (a user) has one *meta* for each of its connections; ``phx_ref`` tells them apart and stays the same
until the meta changes, which shows as a leave of the old ref and a join of the new one with
``phx_ref_prev`` (``Phoenix.Presence``, "Presence Information").
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

Metas = dict[str, dict[str, list[dict[str, Any]]]]


def diff(joins: Metas | None = None, leaves: Metas | None = None) -> dict[str, Metas]:
    """Return the payload of ``presence_diff``."""
    return {"joins": joins or {}, "leaves": leaves or {}}


class Presence:
    """Presence on every topic of this process."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        self._refs = count(1)

    def track(
        self, topic: str, key: str, meta: Mapping[str, Any], previous: str | None = None
    ) -> tuple[str, dict[str, Metas]]:
        """Add a connection's meta, or replace the one it had.

        Args:
            topic: Where.
            key: Whom the metas are shown under.
            meta: JSON-able.
            previous: The ref that :meth:`track` returned when the meta is replaced.

        Returns:
            The new ref and the diff to broadcast.
        """
        leaves = {} if previous is None else self.untrack(topic, key, previous)["leaves"]
        ref = f"F{next(self._refs):x}"
        entry = {**meta, "phx_ref": ref}
        if leaves and previous is not None:
            entry["phx_ref_prev"] = previous
        self._topics.setdefault(topic, {}).setdefault(key, {})[ref] = entry
        return ref, diff({key: {"metas": [entry]}}, leaves)

    def untrack(self, topic: str, key: str, ref: str) -> dict[str, Metas]:
        """Remove a meta and return the diff to broadcast; it lists nothing when the meta was gone already."""
        keys = self._topics.get(topic, {})
        metas = keys.get(key, {})
        meta = metas.pop(ref, None)
        if not metas:
            keys.pop(key, None)
        if not keys:
            self._topics.pop(topic, None)
        return diff() if meta is None else diff(leaves={key: {"metas": [meta]}})

    def state(self, topic: str) -> Metas:
        """Return the payload of ``presence_state``."""
        keys = self._topics.get(topic, {})
        return {key: {"metas": list(metas.values())} for key, metas in keys.items()}

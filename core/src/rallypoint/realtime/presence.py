"""Who is on a topic, in the shape that Phoenix's clients know.

A key (a user) has one *meta* for each of its connections; ``phx_ref`` tells them apart and stays the same
until the meta changes, which shows as a leave of the old ref and a join of the new one with
``phx_ref_prev`` (``Phoenix.Presence``, "Presence Information").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from secrets import token_hex
from typing import Any

Metas = dict[str, dict[str, list[dict[str, Any]]]]


def diff(joins: Metas | None = None, leaves: Metas | None = None) -> dict[str, Metas]:
    """Return the payload of ``presence_diff``."""
    return {"joins": joins or {}, "leaves": leaves or {}}


Changed = Callable[[str, str, str, Mapping[str, Any] | None], None]


class Presence:
    """Presence on every topic of this process, and what it has been told of other processes.

    Attributes:
        changed: Called with topic, key, ref and meta (None when it goes) whenever a meta of this process changes.
    """

    def __init__(self) -> None:
        self.changed: Changed = _ignore
        self._topics: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
        self._process = token_hex(5)
        self._numbers = count(1)

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
        ref = f"F{self._process}{next(self._numbers):x}"  # unique over processes
        entry = {**meta, "phx_ref": ref}
        if leaves and previous is not None:
            entry["phx_ref_prev"] = previous
        self._add(topic, key, ref, entry)
        self.changed(topic, key, ref, entry)
        return ref, diff({key: {"metas": [entry]}}, leaves)

    def untrack(self, topic: str, key: str, ref: str) -> dict[str, Metas]:
        """Remove a meta and return the diff to broadcast; it lists nothing when the meta was gone already."""
        meta = self._remove(topic, key, ref)
        if meta is None:
            return diff()
        self.changed(topic, key, ref, None)
        return diff(leaves={key: {"metas": [meta]}})

    def merge(
        self,
        topic: str,
        joins: Iterable[tuple[str, str, dict[str, Any]]],
        leaves: Iterable[tuple[str, str]] = (),
    ) -> dict[str, Metas]:
        """Take in what changed in another process, and return the diff to broadcast here.

        Args:
            topic: Where.
            joins: Key, ref and meta of each.
            leaves: Key and ref of each.
        """
        came: Metas = {}
        for key, ref, meta in joins:
            self._add(topic, key, ref, meta)
            came.setdefault(key, {"metas": []})["metas"].append(meta)
        went: Metas = {}
        for key, ref in leaves:
            gone = self._remove(topic, key, ref)
            if gone is not None:
                went.setdefault(key, {"metas": []})["metas"].append(gone)
        return diff(came, went)

    def state(self, topic: str) -> Metas:
        """Return the payload of ``presence_state``."""
        keys = self._topics.get(topic, {})
        return {key: {"metas": list(metas.values())} for key, metas in keys.items()}

    def _add(self, topic: str, key: str, ref: str, meta: dict[str, Any]) -> None:
        self._topics.setdefault(topic, {}).setdefault(key, {})[ref] = meta

    def _remove(self, topic: str, key: str, ref: str) -> dict[str, Any] | None:
        keys = self._topics.get(topic, {})
        metas = keys.get(key, {})
        meta = metas.pop(ref, None)
        if not metas:
            keys.pop(key, None)
        if not keys:
            self._topics.pop(topic, None)
        return meta


def _ignore(_topic: str, _key: str, _ref: str, _meta: Mapping[str, Any] | None) -> None:
    """Nobody shares this presence."""

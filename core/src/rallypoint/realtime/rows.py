"""Events read as changes of rows: which of a Supabase client's bindings a change concerns, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rallypoint.realtime.channel import Channel, Refused, RowChange
from rallypoint.realtime.rowfilter import BadFilter, RowFilter, parse_filter
from rallypoint.realtime.topics import Channels
from rallypoint.storage import clock

SCHEMAS = frozenset({"public", "*"})
KINDS = frozenset({"*", "INSERT", "UPDATE", "DELETE"})
MAX_BINDINGS = 50


@dataclass(frozen=True, slots=True)
class Binding:
    """One ``postgres_changes`` binding of a client.

    Args:
        id: By which messages name it; never 0, which the client takes for none.
        kind: A verb or ``*``.
        table: What it watches.
        filter: Which rows.
        topic: Carries those rows.
    """

    id: int
    kind: str
    table: str
    filter: RowFilter
    topic: str

    def concerns(self, change: RowChange) -> bool:
        """Tell whether the client wants to hear of a change."""
        row = change.old_record if change.record is None else change.record
        wanted = self.table == change.table and self.kind in {"*", change.kind}
        return wanted and self.filter.matches(row or {})


def bind(requests: Any, name: str, channels: Channels) -> tuple[Binding, ...]:
    """Resolve what a client asks for to the topics that carry it.

    Args:
        requests: The ``postgres_changes`` of a join, unchecked.
        name: The client's name for its channel, which may be a topic.
        channels: The channels served.

    Raises:
        Refused: One of them cannot be served; the reason says why.
    """
    if not isinstance(requests, list) or len(requests) > MAX_BINDINGS:
        raise Refused(f"postgres_changes must be a list of at most {MAX_BINDINGS}")
    return tuple(_bind(index + 1, request, name, channels) for index, request in enumerate(requests))


def change_data(change: RowChange, binding: Binding, at: int) -> dict[str, Any]:
    """Return ``data`` of a ``postgres_changes`` message; ``binding`` knows the table's columns."""
    data: dict[str, Any] = {
        "schema": "public",
        "table": change.table,
        "type": change.kind,
        "commit_timestamp": clock.rfc3339(at),
        "columns": [{"name": name, "type": kind} for name, kind in binding.filter.kinds],
        "errors": None,
    }
    if change.record is not None:
        data["record"] = change.record
    if change.kind != "INSERT":
        data["old_record"] = change.old_record or {}
    return data


def _bind(number: int, request: Any, name: str, channels: Channels) -> Binding:
    if not isinstance(request, Mapping):
        raise Refused("a binding must be an object")
    kind, schema, table = (str(request.get(field)) for field in ("event", "schema", "table"))
    if kind not in KINDS or schema not in SCHEMAS:
        raise Refused(f"there are no {kind} changes in schema {schema}")
    serving = [channel for channel in channels if table in channel.tables]
    if not serving:
        raise Refused(f"there is no table {table}")
    try:
        wanted = parse_filter(str(request.get("filter") or ""), serving[0].tables[table])
    except BadFilter as error:
        raise Refused(str(error)) from None
    return Binding(number, kind, table, wanted, _topic(table, wanted, serving, name, channels))


def _topic(table: str, wanted: RowFilter, serving: Iterable[Channel], name: str, channels: Channels) -> str:
    equal = [clause for clause in wanted.clauses if clause.operator == "eq" and not clause.negated]
    for channel in serving:
        for clause in equal:
            topic = channel.topic_of(table, clause.column, clause.text)
            if topic is not None:
                return topic
    found = channels.find(name)
    if found is None or table not in found[0].tables:
        raise Refused(
            f"changes of {table} need a filter on its id, or a channel named after what it belongs to"
        )
    return name

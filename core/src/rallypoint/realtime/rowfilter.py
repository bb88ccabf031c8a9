"""Row filters in PostgREST's notation, ``column=operator.value``, as Supabase's client sends them.

Several are joined with commas; ``not.`` before an operator negates it. As in SQL, a comparison with null is
neither true nor false and lets nothing through, negated or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any

MAX_LENGTH = 500
_CLAUSE = re.compile(
    r"(?P<column>\w{1,63})=(?P<negated>not\.)?(?P<operator>[a-z]+)\.(?P<value>.*)", re.DOTALL
)
_COMMA = re.compile(r",(?![^(]*\))(?=\w+=(?:not\.)?[a-z]+\.)")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "neq": ne,
    "lt": lt,
    "lte": le,
    "gt": gt,
    "gte": ge,
}
_TRUTH = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}
_IS: dict[str, bool | None] = {"null": None, "unknown": None, "true": True, "false": False}


class BadFilter(ValueError):
    """The filter cannot be understood; the message is for the client."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison, its value converted to the column's type."""

    column: str
    operator: str
    value: Any
    text: str
    negated: bool

    def matches(self, row: Mapping[str, Any], kind: str) -> bool:
        """Tell whether a row passes."""
        present = row.get(self.column)
        if self.operator == "is":
            return (present is self.value) is not self.negated
        if present is None:
            return False
        try:
            return _compare(self.operator, convert(present, kind), self.value) is not self.negated
        except (TypeError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class RowFilter:
    """What rows must match; nothing to match passes all.

    Args:
        clauses: Each must hold.
        kinds: Types of the table's columns.
    """

    clauses: tuple[Clause, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row passes."""
        kinds = dict(self.kinds)
        return all(clause.matches(row, kinds[clause.column]) for clause in self.clauses)


def parse_filter(text: str, columns: Mapping[str, str]) -> RowFilter:
    """Parse a filter for a table.

    Args:
        text: As the client wrote it; empty for none.
        columns: The table's columns with their types.

    Raises:
        BadFilter: It is malformed, or names a column or operator that does not exist.
    """
    if len(text) > MAX_LENGTH:
        raise BadFilter("the filter is too long")
    clauses = tuple(_clause(part, columns) for part in _COMMA.split(text)) if text else ()
    return RowFilter(clauses, tuple(columns.items()))


def convert(value: Any, kind: str) -> Any:
    """Return a value as its column's type compares.

    Raises:
        ValueError: It is none of that type.
    """
    if not isinstance(value, str):
        return value
    if kind == "bool":
        return _TRUTH[value.lower()] if value.lower() in _TRUTH else _fail(value)
    if kind.startswith("int"):
        return int(value)
    if kind.startswith(("float", "numeric")):
        return float(value)
    if kind.startswith("timestamp"):
        moment = datetime.fromisoformat(value)
        return moment.timestamp() if moment.tzinfo else _fail(value)
    return value


def _clause(text: str, columns: Mapping[str, str]) -> Clause:
    match = _CLAUSE.fullmatch(text)
    if match is None:
        raise BadFilter(f"the filter must read column=operator.value: {text}")
    column, operator, value = match["column"], match["operator"], match["value"]
    if column not in columns:
        raise BadFilter(f"there is no column {column}")
    try:
        return Clause(
            column, operator, _value(operator, value, columns[column]), value, bool(match["negated"])
        )
    except ValueError:
        raise BadFilter(f"{value} is no value for {column}={operator}") from None


def _value(operator: str, text: str, kind: str) -> Any:
    if operator in _ORDER:
        return convert(text, kind)
    if operator == "in":
        return frozenset(convert(item, kind) for item in _items(text))
    if operator in {"like", "ilike"}:
        return like(text, ignore_case=operator == "ilike")
    if operator == "is":
        return _IS[text] if text in _IS else _fail(text)
    raise BadFilter(f"there is no operator {operator}")


def _items(text: str) -> list[str]:
    if not (text.startswith("(") and text.endswith(")")):
        raise ValueError(text)
    return [item.strip().strip('"') for item in text[1:-1].split(",")]


def like(pattern: str, *, ignore_case: bool) -> re.Pattern[str]:
    """Return SQL's LIKE as an expression without backtracking: ``%`` (or ``*``) any text, ``_`` any character."""
    first, *others = (
        "".join("." if c == "_" else re.escape(c) for c in part) for part in re.split(r"[%*]", pattern)
    )
    if others:
        *middle, last = others
        first += "".join(f"(?>.*?{part})" for part in middle if part) + f".*{last}"
    return re.compile(first, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _compare(operator: str, present: Any, value: Any) -> bool:
    if operator == "in":
        return present in value
    if operator in {"like", "ilike"}:
        return value.fullmatch(str(present)) is not None
    return _ORDER[operator](present, value)


def _fail(value: str) -> Any:
    raise ValueError(value)

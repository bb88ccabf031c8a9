"""Indexes that Tortoise does not bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tortoise.indexes import Index


class WaitingIndex(Index):
    """An index of those rows alone in which a column is not null, such as the few of a table that still wait.

    However large the table is, and however old its statistics are, a query for them reads nothing else.

    Args:
        fields: What is indexed.
        column: What must not be null.
        name: Of the index; made from the fields when left out.
    """

    def __init__(self, *, fields: Sequence[str], column: str, name: str | None = None) -> None:
        super().__init__(fields=tuple(fields), name=name)
        self.column = column
        self.extra = f" WHERE {column} IS NOT NULL"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return how a migration makes it."""
        path, args, named = super().deconstruct()
        return path, args, {**named, "column": self.column}

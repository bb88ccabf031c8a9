"""Counts what a block of code asks of the database, and nothing that other tasks ask meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from rallypoint.storage.database import Database, Transaction

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)


def listen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Return what makes such a block; it yields the statements."""
    for owner, name in (
        (Transaction, "fetch"),
        (Transaction, "execute"),
        (Transaction, "execute_many"),
        (Database, "fetch"),
    ):
        monkeypatch.setattr(owner, name, _heard_by(getattr(owner, name)))
    return counted


@contextmanager
def counted() -> Iterator[list[str]]:
    statements: list[str] = []
    token = _heard.set(statements)
    try:
        yield statements
    finally:
        _heard.reset(token)


def _heard_by(original: Callable[..., Any]) -> Callable[..., Any]:
    async def heard(self: Any, sql: str, *arguments: Any) -> Any:
        statements = _heard.get()
        if statements is not None:
            statements.append(sql)
        return await original(self, sql, *arguments)

    return heard

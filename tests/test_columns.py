"""One clear line where a column cannot be tested, and a failure where it must be."""

from __future__ import annotations

from support import columns


def test_postgresql_answers():
    columns.require_postgresql()
    assert columns.available() == ["sqlite", "postgresql"]

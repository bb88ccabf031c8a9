"""One clear line where a column cannot be tested, and a failure where it must be."""

from __future__ import annotations

import os

import pytest

from support import columns


def test_postgresql_answers():
    if reason := columns.missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    assert columns.available() == ["sqlite", "postgresql"]

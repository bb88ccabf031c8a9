"""Times and ids on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from rallypoint.storage import clock
from rallypoint.storage.ids import is_id, new_id


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_survives_the_wire(at):
    text = clock.rfc3339(at)
    assert text.endswith("Z")
    assert clock.from_datetime(datetime.fromisoformat(text)) == at


def test_whole_seconds_look_as_the_documents_show_them():
    assert (
        clock.rfc3339(clock.from_datetime(datetime(2025, 11, 7, 14, 5, tzinfo=UTC))) == "2025-11-07T14:05:00Z"
    )
    assert clock.rfc3339(1) == "1970-01-01T00:00:00.001Z"
    assert clock.rfc3339_or_none(None) is None


def test_ids_sort_by_the_time_they_were_made():
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert all(map(is_id, made))
    assert not is_id(made[0].upper())
    assert not is_id("nonsense")

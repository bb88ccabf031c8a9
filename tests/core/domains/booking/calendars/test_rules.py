"""The pure parts: keys, and what a change there means here."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rallypoint.domains.booking.api import AppointmentView, ExternalEvent
from rallypoint.domains.booking.calendars.mapping import Key, key_of, minutes, uid_of
from rallypoint.domains.booking.calendars.rules import is_conflict, verdict

TEXT = st.text(max_size=60)


@given(account=TEXT, other=TEXT, id_=st.integers(1, 2**63 - 1), generation=st.integers(0, 65_535))
def test_a_uid_tells_its_own_account_what_it_is_of_and_no_other(account, other, id_, generation):
    uid = uid_of(account, id_, generation)
    assert set(uid) <= set("abcdefghijklmnopqrstuv0123456789")
    assert key_of(uid, account) == Key(id_, generation)
    assert key_of(uid.upper(), account) == Key(id_, generation)
    if other != account:
        assert key_of(uid, other) is None


@given(text=TEXT)
def test_any_text_may_stand_where_our_key_is_looked_for(text):
    assert key_of(text, "account") is None


def test_begun_minutes_count_as_whole_ones():
    assert [minutes(0, ms) for ms in (60_000, 60_001, 1)] == [1, 2, 1]


def view(start, minutes_, updated, status="confirmed"):
    return AppointmentView(
        7, "a", "live", "u", None, "", "u", "", "UTC", "c", "Ann", "", "", start, minutes_, status, "", "", "",
        3, 0, updated,
    )  # fmt: skip


def link(start, end, *, pending, etag="1", updated=10):
    return {
        "etag": etag,
        "external_updated": updated,
        "start_at": start,
        "end_at": end,
        "wanted_seq": 3,
        "pushed_seq": 2 if pending else 3,
    }


HOURS = st.sampled_from([None, *(hour * 3_600_000 for hour in range(4))])


@given(
    base=st.integers(0, 3),
    here=st.integers(0, 3),
    there=st.integers(0, 3),
    pending=st.booleans(),
    ours=st.integers(0, 20),
    theirs=st.integers(10, 20),
    deleted=st.booleans(),
    status=st.sampled_from(["confirmed", "cancelled", "completed"]),
)
def test_a_change_of_one_side_alone_is_never_undone(
    base, here, there, pending, ours, theirs, deleted, status
):
    hour = 3_600_000
    if not pending:
        here = base
    appointment = view(here * hour, 60, ours, status)
    before = link(base * hour, (base + 1) * hour, pending=pending)
    now = ExternalEvent(
        "e", "2", theirs, "cancelled" if deleted else "confirmed", there * hour, (there + 1) * hour
    )
    decided = verdict(before, appointment, now)
    if status != "confirmed":
        assert decided in ("note", "fresh")
        assert (decided == "fresh") == (status == "cancelled" and not deleted and not pending)
    elif deleted:
        assert decided == ("remake" if pending and ours >= theirs else "cancel")
    elif there in (base, here):
        assert decided == "note"
    elif here == base:
        assert decided == "move"
    else:
        assert decided == ("keep" if ours >= theirs else "move")
        assert is_conflict(before, appointment, decided)


def test_what_we_know_already_is_no_news():
    appointment, before = view(0, 60, 0), link(0, 3_600_000, pending=False)
    same = ExternalEvent("e", "1", 99, "confirmed", 5, 3_600_005)
    stale = ExternalEvent("e", "0", 9, "confirmed", 5, 3_600_005)
    assert [verdict(before, appointment, event) for event in (same, stale)] == ["echo", "echo"]

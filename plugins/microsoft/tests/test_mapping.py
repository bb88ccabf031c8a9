"""Whatever Graph may send is read, or refused in a way that the caller knows."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rallypoint.domains.booking.api import CalendarEvent
from rallypoint_microsoft.mapping import MEETING, read, written
from rallypoint_microsoft.texts import text_of
from rallypoint_microsoft.zones import read_time

UNREADABLE = (KeyError, ValueError, TypeError, AttributeError)
FIELDS = [
    *(
        "id",
        "@odata.etag",
        "lastModifiedDateTime",
        "isCancelled",
        "isAllDay",
        "start",
        "end",
        "type",
        "recurrence",
    ),
    *("originalStartTimeZone", "body", "responseStatus", "showAs", "organizer", "attendees", "transactionId"),
    *("isOrganizer", "subject", "seriesMasterId"),
]
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
TIMES = st.sampled_from(
    ["0001-01-01T00:00:00.0000000", "9999-12-31T23:59:59.9999999", "2027-02-30T00:00:00", "noon", ""]
)
PARTS = st.fixed_dictionaries(
    {"dateTime": TIMES | PLAIN, "timeZone": st.sampled_from(["UTC", "Samoa Standard Time"])}
)
PEOPLE = st.lists(
    st.fixed_dictionaries({"emailAddress": st.dictionaries(st.just("address"), PLAIN) | PLAIN}) | PLAIN
)
ANYTHING = PLAIN | TIMES | PARTS | PEOPLE | st.dictionaries(st.text(max_size=8), PLAIN, max_size=3)


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
def test_odd_events_are_refused_as_unreadable(event: dict[str, Any]) -> None:
    try:
        found = read(event)
    except UNREADABLE:
        return
    assert isinstance(found.id, str)
    assert len(found.summary) <= 8_192


@given(st.text(alphabet="<>/!-?&;headstyl \n", max_size=300))
def test_broken_html_is_read_somehow(html: str) -> None:
    assert isinstance(text_of(html), str)


@given(
    start=st.integers(1_600_000_000, 2_000_000_000),
    minutes=st.integers(1, 1440),
    zone=st.sampled_from(["Europe/London", "Asia/Kathmandu", "Pacific/Honolulu", "America/New_York", "UTC"]),
    summary=st.text(max_size=50),
    only_time=st.booleans(),
)
def test_what_we_write_says_what_we_mean(
    start: int, minutes: int, zone: str, summary: str, only_time: bool
) -> None:
    start *= 1000
    event = CalendarEvent(
        "uid", 1, summary, "notes", start, start + minutes * 60_000, zone, only_time=only_time
    )
    body = written(event)
    assert ("subject" in body) is not only_time
    for name, at in (("start", event.start), ("end", event.end)):
        assert read_time(body[name]["dateTime"], body[name]["timeZone"]) == at


def test_a_meeting_of_ours_takes_time_and_is_no_appointment() -> None:
    at = {"dateTime": "2027-01-01T10:00:00.0000000", "timeZone": "UTC"}
    event = {"id": "x", "start": at, "end": at, "showAs": "busy", "isOrganizer": True}
    mine, meeting = read(event), read({**event, "transactionId": f"{MEETING}abc"})
    assert (mine.organizer_self, mine.busy) == (True, True)
    assert (meeting.organizer_self, meeting.busy) == (False, True)


def test_html_becomes_text() -> None:
    html = (
        "<html><head><style>p {color: red}</style></head><body><p>Tea &amp; <b>biscuits</b></p></body></html>"
    )
    event = {"id": "x", "body": {"contentType": "html", "content": html}}
    assert read(event).description == "Tea & biscuits"

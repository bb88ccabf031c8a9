"""iCalendar objects, read by a parser that is not the one which wrote them, and held to the RFCs' rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from rallypoint_mail.calendar import Invitation, Method, Person, plain, to_ics

NOW = datetime(2026, 11, 21, 12, 0, 30, 500_000, tzinfo=UTC)
START = 1_894_241_700_000  # 2030-01-10 02:15 UTC
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
METHODS: tuple[Method, ...] = ("REQUEST", "CANCEL")


def invitation(**parts: object) -> Invitation:
    usual: dict[str, object] = {
        "uid": "appointment-7.acme@book.example.org",
        "sequence": 3,
        "start": START,
        "end": START + 45 * 60_000,
        "summary": "Consultation with Dr. Mia Tamang",
        "description": "Bring your papers, please; all of them.\nThank you",
        "location": "https://meet.example.com/j/1?a=1&b=2",
        "organizer": Person("desk@example.org", 'Acme "Clinic", Kathmandu'),
        "attendees": (Person("ben@example.com", "Ben Carter"), Person("mia@example.com", "Dr. Mia: Tamang")),
    }
    return Invitation(**{**usual, **parts})


def read(given_: Invitation, method: Method = "REQUEST"):
    raw = to_ics(given_, method, NOW)
    check_lines(raw)
    return vobject.readOne(raw.decode())


def check_lines(raw: bytes) -> None:
    """RFC 5545 §3.1: lines of 75 octets at most without the break, CRLF, and whole UTF-8 sequences."""
    assert raw.endswith(b"END:VCALENDAR\r\n")
    for line in raw.split(b"\r\n"):
        assert len(line) <= 75
        assert b"\n" not in line
        assert b"\r" not in line
        line.decode()


def test_a_request_says_what_rfc_5546_wants() -> None:
    calendar = read(invitation())
    assert (calendar.method.value, calendar.version.value) == ("REQUEST", "2.0")
    assert calendar.prodid.value.startswith("-//Rallypoint//")
    event = calendar.vevent
    assert (event.uid.value, event.sequence.value) == ("appointment-7.acme@book.example.org", "3")
    assert event.dtstart.value == datetime(2030, 1, 10, 2, 15, tzinfo=UTC)
    assert event.dtend.value - event.dtstart.value == timedelta(minutes=45)
    assert event.dtstamp.value == NOW.replace(microsecond=0)
    assert event.status.value == "CONFIRMED"
    assert event.summary.value == "Consultation with Dr. Mia Tamang"
    assert event.description.value == "Bring your papers, please; all of them.\nThank you"
    assert event.location.value == "https://meet.example.com/j/1?a=1&b=2"
    assert event.organizer.value == "mailto:desk@example.org"
    assert event.organizer.params["CN"] == ["Acme Clinic, Kathmandu"]
    ben, mia = event.contents["attendee"]
    assert (ben.value, ben.params["CN"]) == ("mailto:ben@example.com", ["Ben Carter"])
    assert ben.params["RSVP"] == ["TRUE"]
    assert (ben.params["ROLE"], ben.params["PARTSTAT"]) == (["REQ-PARTICIPANT"], ["NEEDS-ACTION"])
    assert mia.params["CN"] == ["Dr. Mia: Tamang"]


def test_it_rings_an_hour_before() -> None:
    alarm = read(invitation()).vevent.valarm
    assert (alarm.action.value, alarm.trigger.value) == ("DISPLAY", -timedelta(hours=1))
    assert alarm.description.value == "Consultation with Dr. Mia Tamang"


def test_a_cancellation_takes_the_same_entry_back_without_ringing() -> None:
    calendar = read(invitation(sequence=4), "CANCEL")
    event = calendar.vevent
    assert (calendar.method.value, event.status.value) == ("CANCEL", "CANCELLED")
    assert (event.uid.value, event.sequence.value) == ("appointment-7.acme@book.example.org", "4")
    assert event.organizer.value
    assert event.contents["attendee"]
    assert "valarm" not in event.contents


def test_times_are_utc_and_need_no_definition_of_a_zone() -> None:
    raw = to_ics(invitation(), "REQUEST", NOW)
    assert b"DTSTART:20300110T021500Z\r\n" in raw
    assert b"VTIMEZONE" not in raw
    assert b"TZID" not in raw


def test_what_is_empty_is_left_out() -> None:
    event = read(invitation(description="", location="", organizer=Person("desk@example.org"))).vevent
    assert not {"description", "location"} & event.contents.keys()
    assert "CN" not in event.organizer.params


@pytest.mark.parametrize("method", METHODS)
@given(summary=TEXTS, description=TEXTS, name=TEXTS)
def test_every_text_comes_back_and_none_breaks_out(
    method: Method, summary: str, description: str, name: str
) -> None:
    given_ = invitation(
        summary=f"x{summary}", description=f"x{description}", attendees=(Person("ben@example.com", name),)
    )
    raw = to_ics(given_, method, NOW)
    check_lines(raw)
    names = [line.partition(b":")[0].partition(b";")[0] for line in unfolded(raw)]
    assert names.count(b"BEGIN") == (3 if method == "REQUEST" else 2)
    assert names.count(b"ATTENDEE") == names.count(b"UID") == names.count(b"METHOD") == 1
    event = vobject.readOne(raw.decode()).vevent
    assert event.summary.value == plain(f"x{summary}")
    assert event.description.value == plain(f"x{description}")
    assert event.contents["attendee"][0].value == "mailto:ben@example.com"


def unfolded(raw: bytes) -> list[bytes]:
    return re.sub(rb"\r\n[ \t]", b"", raw).removesuffix(b"\r\n").split(b"\r\n")


def test_what_has_no_way_to_be_written_is_left_out() -> None:
    assert plain("a\x00b\x07c\r\nd\re\tf\x7f") == "abc\nd\ne\tf"

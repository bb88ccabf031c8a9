"""What the messages say, in both forms, in the reader's time and with whatever people typed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint_mail.letters import Kind, Letter, Meeting, Notice, appointment_letter, notice_letter
from rallypoint_mail.wording import one_line, web_address, when

START = 1_894_212_900_000  # 2030-01-09 18:15 UTC
KATHMANDU = when(START, START + 45 * 60_000, "Asia/Kathmandu")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
APPOINTMENT_KINDS: tuple[Kind, ...] = ("invitation", "change", "cancellation")
NASTY = "<script>alert(\"1\")</script> & 'x' {{ 7 * 7 }}"


def letters(**parts: object) -> dict[Kind, Letter]:
    meeting = Meeting(**{"title": "Check-up", "when": KATHMANDU, **parts})
    notice = Notice(
        "Google Calendar", "ada@example.com", "Ada", "https://book.example.org/settings/integrations"
    )
    written = {kind: appointment_letter(kind, meeting) for kind in APPOINTMENT_KINDS}
    notices: tuple[Kind, ...] = ("needs_reauth", "recovered")
    return {**written, **{kind: notice_letter(kind, notice) for kind in notices}}


class Outline(HTMLParser):
    """What an assistive program goes by."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_every_kind_is_written() -> None:
    assert set(letters()) == set(get_args(Kind))


def test_the_document_s_own_words_and_subject() -> None:
    letter = letters()["invitation"]
    assert letter.subject == "Calendar Invitation: Check-up"
    assert letter.text.startswith(
        "Your appointment has been scheduled. Please find the calendar invitation attached.\n"
    )


@pytest.mark.parametrize("kind", APPOINTMENT_KINDS)
def test_times_are_in_the_zone_with_its_name_and_in_utc(kind: Kind) -> None:
    letter = letters()[kind]
    for form in (letter.text, Outline(letter.html).words):
        assert "Thursday, 10 January 2030" in form
        assert "12:00 AM – 12:45 AM" in form
        assert "Asia/Kathmandu (UTC+05:45)" in form
        assert "18:15 – 19:00 UTC on Wednesday, 9 January 2030" in form
    assert Outline(letter.html).all("time") == [{"datetime": "2030-01-10T00:00+05:45"}]


@pytest.mark.parametrize(
    ("start", "zone", "hours", "shown", "utc"),
    [
        (START, "UTC", "6:15 PM – 7:00 PM", "UTC", ""),
        (START, "Nowhere/Land", "6:15 PM – 7:00 PM", "UTC", ""),
        (START, "Pacific/Honolulu", "8:15 AM – 9:00 AM", "Pacific/Honolulu (UTC-10:00)", "18:15 – 19:00 UTC"),
        # a quarter of an hour before midnight in London
        (
            1_894_229_100_000,
            "Europe/London",
            "10:45 PM – 11:30 PM",
            "Europe/London (UTC+00:00)",
            None,
        ),
    ],
)
def test_zones(start: int, zone: str, hours: str, shown: str, utc: str | None) -> None:
    words = when(start, start + 45 * 60_000, zone)
    assert (words.hours, words.zone) == (hours, shown)
    assert utc is None or words.utc == utc


def test_an_end_on_another_day_says_so() -> None:
    assert (
        when(START, START + 60 * 60_000 * 24, "UTC").hours == "6:15 PM – 6:15 PM, Thursday, 10 January 2030"
    )


def test_the_offset_is_that_of_the_day() -> None:
    summer, winter = 1_909_094_400_000, 1_894_233_600_000
    assert when(summer, summer, "Europe/London").zone == "Europe/London (UTC+01:00)"
    assert when(winter, winter, "Europe/London").zone == "Europe/London (UTC+00:00)"


def test_what_people_typed_is_text_and_nothing_else() -> None:
    fields = dict.fromkeys(("title", "host", "guest", "organisation", "description", "reason"), NASTY)
    for kind, letter in letters(**fields, url='https://meet.example.com/?a=1&b="><script>').items():
        outline = Outline(letter.html)
        assert not outline.all("script"), kind
        if kind in APPOINTMENT_KINDS:
            assert NASTY in outline.words
            assert NASTY in letter.text


@given(title=TEXTS, host=TEXTS, description=TEXTS, reason=TEXTS)
def test_no_text_adds_a_tag_or_a_header(title: str, host: str, description: str, reason: str) -> None:
    meeting = Meeting("t", KATHMANDU, host="h", description="d", reason="r")
    wanted = [tag for tag, _ in Outline(appointment_letter("change", meeting).html).tags]
    typed = Meeting(
        f"t{title}", KATHMANDU, host=f"h{host}", description=f"d{description}", reason=f"r{reason}"
    )
    letter = appointment_letter("change", typed)
    assert [tag for tag, _ in Outline(letter.html).tags] == wanted
    assert letter.subject.isprintable() or "\xa0" in letter.subject or not letter.subject.isascii()
    assert not set(letter.subject) & set("\r\n\x00\u2028\u2029")
    assert len(letter.subject) <= 200


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://meet.example.com/j/1", "https://meet.example.com/j/1"),
        (" http://meet.example.com ", "http://meet.example.com"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//meet.example.com", ""),
        ("https://", ""),
        ("", ""),
        ("https://[oops", ""),
    ],
)
def test_only_web_addresses_are_linked(url: str, linked: str) -> None:
    assert web_address(url) == linked
    links = Outline(letters(url=url)["invitation"].html).all("a")
    assert {link["href"] for link in links} == ({linked} if linked else set())


def test_a_cancelled_appointment_offers_no_way_in() -> None:
    letter = letters(url="https://meet.example.com/j/1", reason="Dr. Tamang is ill")["cancellation"]
    assert Outline(letter.html).all("a") == []
    assert "Reason: Dr. Tamang is ill" in letter.text
    assert "https://" not in letter.text


def test_a_notice_says_what_to_do_and_where() -> None:
    letter = letters()["needs_reauth"]
    assert letter.subject == "Please connect Google Calendar again"
    for form in (letter.text, letter.html):
        assert "https://book.example.org/settings/integrations" in form
        assert "ada@example.com" in form
    assert letters()["recovered"].subject == "Google Calendar is connected again"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_rich_form_has_what_assistive_programs_and_phones_need(kind: Kind) -> None:
    outline = Outline(letters(url="https://meet.example.com/j/1")[kind].html)
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("title")) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in outline.all("meta")
    assert all(header["scope"] == "row" for header in outline.all("th"))
    assert not outline.all("img")


def test_a_line_is_a_line() -> None:
    assert one_line(" a\r\n\tb\x00c\u2028d ") == "a b c d"
    assert one_line("x" * 300) == "x" * 199 + "…"

"""A message as bytes, read back by Python's own parser."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domains.mailer.conftest import email
from rallypoint.domains.mailer import mime
from rallypoint.domains.mailer.checks import checked
from rallypoint.errors import ValidationFailed

ID = "0190a000-0000-7000-8000-00000000000a"
CALENDAR = b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=300)


def render(message, sender="Rallypoint Desk <desk@example.org>") -> EmailMessage:
    raw = mime.render(checked(message), sender=sender, id_=ID, at=1_800_000_000_000)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n")), "RFC 5322 §2.1.1"
    assert b"\n" not in raw.replace(b"\r\n", b"")
    return message_from_bytes(raw, policy=default)


def part(message: EmailMessage, kind: str) -> EmailMessage:
    (found,) = [each for each in message.walk() if each.get_content_type() == kind]
    return found


def test_headers_say_who_and_when() -> None:
    read = render(
        email(
            "Grüße",
            to=("ada@example.com", "bob@example.com"),
            cc=("c@example.com",),
            reply_to="r@example.com",
        )
    )
    assert read["From"] == "Rallypoint Desk <desk@example.org>"
    assert (read["To"], read["Cc"], read["Reply-To"]) == (
        "ada@example.com, bob@example.com",
        "c@example.com",
        "r@example.com",
    )
    assert read["Subject"] == "Grüße"
    assert read["Date"] == "Fri, 15 Jan 2027 08:00:00 -0000"
    assert read["Message-ID"] == f"<{ID}@example.org>"
    assert read["Auto-Submitted"] == "auto-generated"


def test_an_invitation_is_an_alternative_and_a_file() -> None:
    read = render(email("Hi", html="<p>Hello</p>", calendar=CALENDAR, calendar_method="REQUEST"))
    assert read.get_content_type() == "multipart/mixed"
    alternative, attached = read.iter_parts()
    kinds = [each.get_content_type() for each in alternative.iter_parts()]
    assert kinds == ["text/plain", "text/html", "text/calendar"]
    calendar = part(read, "text/calendar")
    assert (calendar.get_param("method"), calendar.get_param("charset")) == ("REQUEST", "UTF-8")
    assert calendar.get_payload(decode=True) == CALENDAR
    assert attached.get_content_type() == "application/ics"
    assert (attached.get_filename(), attached.get_content()) == ("invite.ics", CALENDAR)


def test_it_is_the_same_at_every_try() -> None:
    message = checked(email("Hi", html="<p>Hello</p>", calendar=CALENDAR, calendar_method="REQUEST"))
    first, second = (mime.render(message, sender="a@example.org", id_=ID, at=0) for _ in range(2))
    assert first == second


@given(subject=TEXTS, text=TEXTS, html=TEXTS)
def test_every_text_arrives_as_it_is(subject: str, text: str, html: str) -> None:
    try:
        read = render(email(subject, text=text, html=html and f"<p>{html}"))
    except ValidationFailed:
        return
    assert " ".join(str(read["Subject"]).split()) == " ".join(subject.split())
    assert lines(part(read, "text/plain").get_content()) == lines(text)
    if html:
        assert lines(part(read, "text/html").get_content()) == lines(f"<p>{html}")


@pytest.mark.parametrize("sender", ["desk@example.org", '"Meyer, Jürgen" <desk@example.org>'])
def test_senders_with_and_without_a_name(sender: str) -> None:
    assert "desk@example.org" in str(render(email("Hi"), sender)["From"])


def lines(text: str) -> list[str]:
    return text.rstrip("\r\n").splitlines()

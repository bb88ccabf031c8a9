"""What the messages say: one plain and one rich form of each, from templates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from rallypoint_mail.wording import When, one_line, web_address

Kind = Literal["invitation", "change", "cancellation", "needs_reauth", "recovered"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its reader sees it."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a message about an appointment tells; texts may be empty.

    Args:
        title: What it is.
        host: With whom.
        guest: For whom.
        organisation: Whose service it is.
        description: In the words of who made it.
        location: Where, when it is no link.
        url: Where to join.
        reason: Why it is cancelled.
    """

    title: str
    when: When
    host: str = ""
    guest: str = ""
    organisation: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a message about a connection tells.

    Args:
        service: Its name, for people.
        account: The provider's name of the account.
        reader: Who gets the message; may be empty.
        url: Where to connect again.
    """

    service: str
    account: str
    reader: str
    url: str


def appointment_letter(kind: Kind, meeting: Meeting) -> Letter:
    """Return a message about an appointment."""
    heads = {"invitation": "Calendar Invitation", "change": "Changed", "cancellation": "Cancelled"}
    return _letter(kind, f"{heads[kind]}: {meeting.title}", meeting=meeting, url=web_address(meeting.url))


def notice_letter(kind: Kind, notice: Notice) -> Letter:
    """Return a message about a connection."""
    subjects = {
        "needs_reauth": f"Please connect {notice.service} again",
        "recovered": f"{notice.service} is connected again",
    }
    return _letter(kind, subjects[kind], notice=notice, url=web_address(notice.url))


def _letter(kind: Kind, subject: str, **values: object) -> Letter:
    templates, subject = _templates(), one_line(subject)
    values = {**values, "subject": subject, "kind": kind}
    return Letter(
        subject=subject,
        text=templates.get_template(f"{kind}.txt").render(values).strip() + "\n",
        html=templates.get_template(f"{kind}.html").render(values).strip() + "\n",
    )


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("rallypoint_mail", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

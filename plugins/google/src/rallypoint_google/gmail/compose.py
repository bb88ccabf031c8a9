"""Writes the mail that is sent: RFC 5322, with the headers that keep a conversation together."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses

from rallypoint.sdk import ValidationFailed
from rallypoint_google.gmail.schemas import SendBody

_BLANK = "can't be blank"
_MOST = 100
_MAX_REFERENCES = 20
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
"""RFC 5322 §3.6.4, loosely: others' mail names worse ones, which cannot be written into a header."""


def check(body: SendBody) -> None:
    """Refuse a message that lacks something.

    Raises:
        ValidationFailed: A recipient, the subject or the text is missing.
    """
    missing = {}
    if not recipients_of(body):
        missing["to"] = [_BLANK]
    if body.subject is None and not body.thread_id:
        missing["subject"] = [_BLANK]
    if not (body.text or body.message or body.html):
        missing["text"] = [_BLANK]
    if missing:
        raise ValidationFailed(missing)


def recipients_of(body: SendBody) -> list[str]:
    """Return whom a message goes to, in either spelling."""
    given = body.to if body.to is not None else body.recipient
    return [given] if isinstance(given, str) and given.strip() else list(given or [])


def raw(body: SendBody, *, subject: str, in_reply_to: str, references: Sequence[str]) -> str:
    """Return a message as Gmail takes it: base64url of its bytes.

    Args:
        body: What to say, to whom.
        subject: Of the message.
        in_reply_to: Message-ID that is answered; empty for none.
        references: Message-IDs of the conversation, oldest first.

    Raises:
        ValidationFailed: An address or a header cannot be written.
    """
    mail = EmailMessage(policy=SMTP)
    for name, given in (("To", recipients_of(body)), ("Cc", body.cc), ("Bcc", body.bcc)):
        if given:
            mail[name] = _addresses(name.lower(), given)
    _put(mail, "Subject", subject)
    chain = [*dict.fromkeys(one for one in (*references, in_reply_to) if _MESSAGE_ID.fullmatch(one))]
    if in_reply_to in chain:
        _put(mail, "In-Reply-To", in_reply_to)
    if chain:
        _put(mail, "References", " ".join(chain[-_MAX_REFERENCES:]))
    mail.set_content(body.text or body.message or "")
    if body.html:
        mail.add_alternative(body.html, subtype="html")
    return base64.urlsafe_b64encode(mail.as_bytes()).decode()


def answering(subject: str) -> str:
    """Return the subject of an answer."""
    return subject if subject[:3].lower() == "re:" else f"Re: {subject}"


def _addresses(field: str, given: Sequence[str]) -> list[Address]:
    found: list[Address] = []
    if all(one.isprintable() for one in given):  # a line break would begin another header
        with suppress(ValueError, IndexError, HeaderParseError):
            found = [Address(name, addr_spec=email) for name, email in getaddresses(list(given))]
    if not found or len(found) > _MOST or any("@" not in one.addr_spec or not one.username for one in found):
        raise ValidationFailed({field: ["is not an e-mail address"]})
    return found


def _put(mail: EmailMessage, name: str, value: str) -> None:
    try:
        mail[name] = value
    except ValueError:  # a line break would begin another header
        raise ValidationFailed({name.lower().replace("-", "_"): ["has a line break"]}) from None

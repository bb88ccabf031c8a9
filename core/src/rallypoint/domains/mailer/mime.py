"""A message as bytes: RFC 5322 with MIME, the form that SMTP and most providers take."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from rallypoint.domains.mailer.api import Email

_POLICY = SMTP.clone(cte_type="7bit")


def domain_of(sender: str) -> str:
    """Return the domain of a ``From`` header."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def message_id(id_: str, sender: str) -> str:
    """Return the ``Message-ID`` of the message with this id (RFC 5322 §3.6.4)."""
    return f"<{id_}@{domain_of(sender)}>"


def render(email: Email, *, sender: str, id_: str, at: int) -> bytes:
    """Return a message as bytes, the same at every try.

    An invitation stands twice in it: as an alternative of the text, which mail programs show as an invitation
    (RFC 6047 §2.4), and as a file for those that do not.

    Args:
        email: Checked.
        sender: The ``From`` header.
        id_: UUIDv7.
        at: Milliseconds, for the ``Date`` header.
    """
    message = EmailMessage(policy=_POLICY)
    _add_headers(message, email, sender, at)
    message["Message-ID"] = message_id(id_, sender)
    message.set_content(email.text, cte="quoted-printable")
    if email.html:
        message.add_alternative(email.html, subtype="html", cte="quoted-printable")
    if email.calendar:
        _add_calendar(message, email)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{number}_{id_}")  # else it would be another at every try
    return message.as_bytes()


def _add_headers(message: EmailMessage, email: Email, sender: str, at: int) -> None:
    name, addr = parseaddr(sender)
    message["From"] = Address(display_name=name, addr_spec=addr)
    message["To"] = [Address(addr_spec=each) for each in email.to]
    if email.cc:
        message["Cc"] = [Address(addr_spec=each) for each in email.cc]
    if email.reply_to:
        message["Reply-To"] = Address(addr_spec=email.reply_to)
    message["Subject"] = email.subject
    message["Date"] = formatdate(at / 1000)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it


def _add_calendar(message: EmailMessage, email: Email) -> None:
    params = {"method": email.calendar_method, "charset": "UTF-8"}
    message.add_alternative(email.calendar, maintype="text", subtype="calendar", params=params)
    message.add_attachment(email.calendar, maintype="application", subtype="ics", filename="invite.ics")

"""What may be sent: addresses, headers and sizes, checked before a message is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from email_validator import EmailNotValidError, validate_email

from rallypoint.domains.mailer.api import Email
from rallypoint.errors import ValidationFailed

MAX_RECIPIENTS = 20
MAX_SUBJECT = 250
MAX_TEXT = 100_000
MAX_HTML = 200_000
MAX_CALENDAR = 100_000
MAX_KEY = 200
MAX_LANE = 200


def address(value: str) -> str:
    """Return an address in the form in which it is sent: without surrounding space, its domain in ASCII.

    Domains are not looked up. An address whose part before the ``@`` is not ASCII is refused, because few mail
    systems take it (RFC 6531).

    Raises:
        ValueError: It is no address; the message says why, without the address.
    """
    try:
        found = validate_email(
            value.strip(),
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            strict=True,
            check_deliverability=False,
            globally_deliverable=False,
        )
    except EmailNotValidError:
        raise ValueError("is not an e-mail address") from None
    return found.ascii_email or found.normalized


def checked(email: Email) -> Email:
    """Return a message as it may be sent, its addresses in their final form.

    Raises:
        ValidationFailed: Says which field is wrong and why.
    """
    problems: dict[str, list[str]] = {}

    def addresses(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
        kept: dict[str, None] = {}
        for value in values:
            try:
                kept[address(value)] = None
            except ValueError as error:
                problems.setdefault(name, []).append(str(error))
        return tuple(kept)

    result = replace(
        email,
        to=addresses("to", email.to),
        cc=addresses("cc", email.cc),
        reply_to=next(iter(addresses("reply_to", (email.reply_to,) if email.reply_to else ())), ""),
    )
    for name, message in _problems(email):
        problems.setdefault(name, []).append(message)
    if problems:
        raise ValidationFailed(problems)
    return result


def _problems(email: Email) -> Iterator[tuple[str, str]]:
    if not email.to:
        yield "to", "names nobody"
    if len(email.recipients) > MAX_RECIPIENTS:
        yield "to", f"names more than {MAX_RECIPIENTS} recipients, cc included"
    if any(unicode_control(character) for character in email.subject):
        yield "subject", "must be one line without control characters"
    if bool(email.calendar) != bool(email.calendar_method):
        yield "calendar_method", "belongs to a calendar"
    if email.calendar_method and not email.calendar_method.isalpha():
        yield "calendar_method", "is no method of RFC 5546"
    sizes: tuple[tuple[str, str | bytes, int], ...] = (
        ("subject", email.subject, MAX_SUBJECT),
        ("text", email.text, MAX_TEXT),
        ("html", email.html, MAX_HTML),
        ("calendar", email.calendar, MAX_CALENDAR),
    )
    for name, value, most in sizes:
        if len(value) > most:
            yield name, f"is over {most} long"
        if isinstance(value, str) and not _encodable(value):
            yield name, "must not contain unpaired surrogates"


def unicode_control(character: str) -> bool:
    """Tell whether a character could end a header line or confuse who reads it (C0, C1, U+2028, U+2029)."""
    return character < " " or "\x7f" <= character <= "\x9f" or character in "\u2028\u2029"


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True

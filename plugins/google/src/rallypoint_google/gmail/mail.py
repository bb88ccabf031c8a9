"""Mail as Gmail's API shows it, read into what an event tells of it.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

from rallypoint_google.gmail.schemas import Address, Attachment, EmailData
from rallypoint_google.mapping import moment

MAX_TEXT = 100_000
_MAX_LINE, _MAX_LIST = 2_000, 100


def read(message: Mapping[str, Any], mailbox: str) -> EmailData:
    """Return a message.

    Args:
        message: Gmail's, in the format ``full``.
        mailbox: The address of whose mailbox it is.

    Raises:
        KeyError, ValueError, TypeError, AttributeError: It is none.
    """
    payload: Mapping[str, Any] = message["payload"]
    headers = _headers(payload)
    text, html, attachments = "", "", []
    for part in _parts(payload):
        kind, body = part.get("mimeType", ""), part.get("body") or {}
        if part.get("filename") or body.get("attachmentId"):
            attachments.append(_attachment(part, body))
        elif kind == "text/plain" and not text:
            text = _text(part, body)
        elif kind == "text/html" and not html:
            html = _text(part, body)
    return EmailData(
        id=str(message["id"]),
        threadId=str(message["threadId"]),
        mailbox=mailbox,
        messageId=headers.get("message-id", "").strip(),
        inReplyTo=headers.get("in-reply-to", "").strip(),
        references=headers.get("references", "").split()[:_MAX_LIST],
        sender=next(iter(_addresses(headers.get("from", ""))), Address(email="")),
        to=_addresses(headers.get("to", "")),
        cc=_addresses(headers.get("cc", "")),
        subject=headers.get("subject", "")[:_MAX_LINE],
        text=text[:MAX_TEXT],
        html=html[:MAX_TEXT],
        truncated=max(len(text), len(html)) > MAX_TEXT,
        receivedAt=moment(int(message["internalDate"])),
        labels=[str(label) for label in message.get("labelIds", [])][:_MAX_LIST],
        attachments=attachments[:_MAX_LIST],
    )


def _parts(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    inner: Sequence[Mapping[str, Any]] = part.get("parts") or ()
    if not inner:
        yield part
    for one in inner:
        yield from _parts(one)


def _headers(part: Mapping[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for one in part.get("headers") or ():
        headers.setdefault(str(one["name"]).lower(), _readable(str(one["value"])))
    return headers


def _readable(value: str) -> str:
    """Decode RFC 2047; what cannot be decoded stays as it is."""
    try:
        text = str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        text = value
    return _storable(text)


def _addresses(value: str) -> list[Address]:
    pairs = getaddresses([value])[:_MAX_LIST]
    return [Address(email=email[:320], name=name[:_MAX_LINE]) for name, email in pairs if "@" in email]


def _attachment(part: Mapping[str, Any], body: Mapping[str, Any]) -> Attachment:
    return Attachment(
        id=str(body.get("attachmentId", ""))[:_MAX_LINE],
        filename=_storable(str(part.get("filename", "")))[:_MAX_LINE],
        mimeType=str(part.get("mimeType", ""))[:_MAX_LINE],
        size=int(body.get("size", 0)),
    )


def _text(part: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """Return a part's text: UTF-8, into which Gmail turns most of it, else what the part says."""
    try:
        data = base64.urlsafe_b64decode(str(body.get("data", "")) + "==")
    except binascii.Error:
        return ""
    try:
        return _storable(data.decode())
    except UnicodeDecodeError:
        return _storable(_decoded(data, _headers(part).get("content-type", "")))


def _decoded(data: bytes, content_type: str) -> str:
    _, _, rest = content_type.lower().partition("charset=")
    charset = rest.partition(";")[0].strip().strip("\"'")
    try:
        return data.decode(charset or "utf-8", "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()

"""One user's mail: messages, threads, and the history by which a client hears what is new."""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default
from email.utils import parseaddr
from functools import cached_property
from typing import Any

from rallypoint.testing.google.errors import Refusal, invalid

Part = dict[str, Any]
_INLINE = 200_000


@dataclass
class Mail:
    """A message as kept."""

    id: str
    thread_id: str
    raw: bytes
    labels: tuple[str, ...]
    history_id: int
    at: int

    @cached_property
    def parsed(self) -> EmailMessage:
        """The message, read."""
        parsed = BytesParser(policy=default).parsebytes(self.raw)
        if not isinstance(parsed, EmailMessage):
            raise TypeError("the default policy makes EmailMessage")
        return parsed


@dataclass(slots=True)
class Mailbox:
    """A user's mailbox.

    Attributes:
        oldest: History up to this number is forgotten (404).
    """

    email: str
    messages: dict[str, Mail] = field(default_factory=dict)
    history: list[tuple[int, str, str]] = field(default_factory=list)
    oldest: int = 0
    last: int = 1000

    def deliver(
        self, raw: bytes | EmailMessage, *, labels: tuple[str, ...] = ("INBOX", "UNREAD"), thread_id: str = ""
    ) -> Mail:
        """Put a message into the mailbox, as the world's mail servers do."""
        content = raw if isinstance(raw, bytes) else raw.as_bytes()
        message_id = secrets.token_hex(8)
        mail = Mail(message_id, "", content, labels, self._step(), round(time.time() * 1000))
        mail.thread_id = thread_id or self._thread_of(mail) or message_id
        self.messages[message_id] = mail
        self.history.append((mail.history_id, message_id, "messagesAdded"))
        return mail

    def send(self, body: dict[str, Any]) -> Mail:
        """Send a message, as the API does: it is kept under SENT.

        Raises:
            Refusal: There is no recipient, or no such thread.
        """
        raw = decoded(body.get("raw", ""))
        parsed = BytesParser(policy=default).parsebytes(raw)
        if not any(parseaddr(str(parsed.get(name, "")))[1] for name in ("To", "Cc", "Bcc")):
            raise invalid("Recipient address required")
        thread_id = body.get("threadId", "")
        if thread_id and all(mail.thread_id != thread_id for mail in self.messages.values()):
            raise Refusal(404, "notFound", "Requested entity was not found.")
        return self.deliver(
            raw, labels=("SENT",), thread_id=thread_id if self._fits(parsed, thread_id) else ""
        )

    def remove(self, message_id: str) -> None:
        """Delete a message for good."""
        del self.messages[message_id]
        self.history.append((self._step(), message_id, "messagesDeleted"))

    def forget_history(self) -> None:
        """Let every history id handed out so far be too old."""
        self.oldest = self.last
        self.last += 1

    def get(self, message_id: str) -> Mail:
        """Return a message.

        Raises:
            Refusal: There is none; 404.
        """
        try:
            return self.messages[message_id]
        except KeyError:
            raise Refusal(404, "notFound", "Requested entity was not found.") from None

    def _step(self) -> int:
        self.last += 7  # ids grow and have gaps
        return self.last

    def _thread_of(self, mail: Mail) -> str:
        parsed = mail.parsed
        named = f"{parsed.get('References', '')} {parsed.get('In-Reply-To', '')}".split()
        for other in self.messages.values():
            if str(other.parsed.get("Message-ID", "")).strip() in named:
                return other.thread_id
        return ""

    def _fits(self, parsed: Message, thread_id: str) -> bool:
        """Tell whether a message may join a thread: it names one of its messages and has its subject."""
        named = f"{parsed.get('References', '')} {parsed.get('In-Reply-To', '')}".split()
        of_thread = [mail.parsed for mail in self.messages.values() if mail.thread_id == thread_id]
        subjects = {bare(str(one.get("Subject", ""))) for one in of_thread}
        ids = {str(one.get("Message-ID", "")).strip() for one in of_thread}
        return bool(ids & set(named)) and bare(str(parsed.get("Subject", ""))) in subjects


def bare(subject: str) -> str:
    """Return a subject without its ``Re:``."""
    text = subject.strip()
    return bare(text[3:]) if text[:3].lower() == "re:" else text


def decoded(raw: str) -> bytes:
    """Return the bytes of a base64url text, padded or not.

    Raises:
        Refusal: It is not base64url.
    """
    try:
        return base64.b64decode(raw + "=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise invalid("Invalid value for ByteString") from None


def shown(mail: Mail, form: str = "full") -> dict[str, Any]:
    """Return a message as the API replies with it."""
    parsed = mail.parsed
    whole: dict[str, Any] = {
        "id": mail.id,
        "threadId": mail.thread_id,
        "labelIds": list(mail.labels),
        "historyId": str(mail.history_id),
        "internalDate": str(mail.at),
        "sizeEstimate": len(mail.raw),
        "snippet": _snippet(parsed),
    }
    if form == "raw":
        return {**whole, "raw": base64.urlsafe_b64encode(mail.raw).decode()}
    if form in ("full", "metadata"):
        return {**whole, "payload": _part(parsed, "", form)}
    return whole


def _snippet(parsed: EmailMessage) -> str:
    body = parsed.get_body(("plain", "html"))
    content = body.get_payload(decode=True) if body is not None else b""
    return content.decode("utf-8", "replace")[:100] if isinstance(content, bytes) else ""


def _part(message: Message, part_id: str, form: str) -> Part:
    headers = [{"name": name, "value": str(value)} for name, value in message.items()]
    part: Part = {
        "partId": part_id,
        "mimeType": message.get_content_type(),
        "filename": message.get_filename() or "",
        "headers": headers,
        "body": {"size": 0},
    }
    if message.is_multipart():
        inner = list(message.iter_parts()) if isinstance(message, EmailMessage) else []
        parts = [_part(one, f"{part_id}.{at}".lstrip("."), form) for at, one in enumerate(inner)]
        return {**part, "parts": parts} if form == "full" else part
    content = message.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    body: dict[str, Any] = {"size": len(data)}
    if part["filename"] or len(data) > _INLINE:
        body["attachmentId"] = f"att-{part_id or '0'}"
    elif form == "full":
        body["data"] = base64.urlsafe_b64encode(data).decode()
    return {**part, "body": body}

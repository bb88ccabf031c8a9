"""Sends a message, in its conversation when it answers one.

Gmail keeps a message in a conversation when it names one of its messages and has its subject:
https://developers.google.com/workspace/gmail/api/guides/threads
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rallypoint.sdk import Connection, PermanentFailure, ValidationFailed
from rallypoint_google.gmail import client as gmail
from rallypoint_google.gmail.compose import answering, raw
from rallypoint_google.gmail.schemas import SendBody


@dataclass(frozen=True, slots=True)
class _Thread:
    subject: str = ""
    message_id: str = ""
    references: tuple[str, ...] = ()


async def send(connection: Connection, body: SendBody) -> dict[str, Any]:
    """Send a message and return Gmail's ids of it; in the sandbox nothing is sent.

    Raises:
        ValidationFailed: There is no such conversation, or an address or header cannot be written.
        PluginError: As the client raises it.
    """
    known = await _thread(connection, body.thread_id) if body.thread_id else _Thread()
    content = raw(
        body,
        subject=body.subject if body.subject is not None else answering(known.subject),
        in_reply_to=body.in_reply_to or known.message_id,
        references=body.references or known.references,
    )
    sent = await gmail.send(connection.client, content, body.thread_id)
    return {"id": sent.get("id"), "threadId": sent.get("threadId"), "labelIds": sent.get("labelIds", [])}


async def _thread(connection: Connection, thread_id: str) -> _Thread:
    if connection.mode != "live":
        return _Thread()
    try:
        reply = await gmail.thread(connection.client, thread_id)
    except PermanentFailure as refused:
        if refused.status in (400, 404):
            raise ValidationFailed({"thread_id": ["does not exist"]}) from None
        raise
    messages = reply.get("messages") or []
    headers = _headers(messages[-1]) if messages else {}
    return _Thread(
        headers.get("subject", ""),
        headers.get("message-id", ""),
        tuple(headers.get("references", "").split()),
    )


def _headers(message: Mapping[str, Any]) -> dict[str, str]:
    given = (message.get("payload") or {}).get("headers") or ()
    return {str(one["name"]).lower(): str(one["value"]) for one in given}

"""The calls of Gmail's API that are made.

https://developers.google.com/workspace/gmail/api/reference/rest
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rallypoint.sdk import Client, PermanentFailure, RetryLater
from rallypoint_google.client import ask, call

ME = "/gmail/v1/users/me"
_PAGE = "100"


@dataclass(frozen=True, slots=True)
class Added:
    """A message that a mailbox got, or one that a search found."""

    id: str
    labels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Look:
    """A page of what is new.

    Args:
        added: Oldest first.
        history_id: Where the next page, or the next look, begins.
        more: Whether there is another page.
    """

    added: tuple[Added, ...]
    history_id: str
    more: bool


async def present(client: Client) -> str:
    """Return the history id of now."""
    return _text(await ask(client, f"{ME}/profile"), "historyId")


async def history(client: Client, since: str) -> Look | None:
    """Return what was added after a history id; None when Gmail has forgotten it (404)."""
    params = {"startHistoryId": since, "historyTypes": "messageAdded", "maxResults": _PAGE}
    try:
        reply = await ask(client, f"{ME}/history", params)
    except PermanentFailure as refused:
        if refused.status == 404:
            return None
        raise
    records = reply.get("history") or []
    added = [_added(one["message"]) for record in records for one in record.get("messagesAdded") or ()]
    more = "nextPageToken" in reply and bool(records)
    # Each page begins after the last record of the one before, so that a look that breaks off loses nothing.
    return Look(tuple(added), _text(records[-1], "id") if more else _text(reply, "historyId"), more)


async def search(client: Client, query: str, page: str = "") -> tuple[list[str], str]:
    """Return ids of messages in the inbox, newest first, and the token of the next page."""
    params = {"labelIds": "INBOX", "q": query, "maxResults": _PAGE, **({"pageToken": page} if page else {})}
    reply = await ask(client, f"{ME}/messages", params)
    return [_text(one, "id") for one in reply.get("messages") or ()], str(reply.get("nextPageToken", ""))


async def message(client: Client, message_id: str) -> Mapping[str, Any] | None:
    """Return a whole message; None when it is gone."""
    try:
        return await ask(client, f"{ME}/messages/{quote(message_id, safe='')}", {"format": "full"})
    except PermanentFailure as refused:
        if refused.status == 404:
            return None
        raise


async def thread(client: Client, thread_id: str) -> Mapping[str, Any]:
    """Return a conversation with the headers of its messages."""
    return await ask(client, f"{ME}/threads/{quote(thread_id, safe='')}", {"format": "metadata"})


async def send(client: Client, raw: str, thread_id: str) -> Mapping[str, Any]:
    """Send a message; Gmail's reply has its id and conversation."""
    body = {"raw": raw, **({"threadId": thread_id} if thread_id else {})}
    reply = await call(client, "POST", f"{ME}/messages/send", body=body)
    return reply if isinstance(reply, dict) else {}


def _added(message: Mapping[str, Any]) -> Added:
    return Added(_text(message, "id"), frozenset(map(str, message.get("labelIds") or ())))


def _text(reply: Mapping[str, Any], name: str) -> str:
    value = reply.get(name)
    if not isinstance(value, str) or not value:
        raise RetryLater(f"Gmail's reply has no {name}")
    return value

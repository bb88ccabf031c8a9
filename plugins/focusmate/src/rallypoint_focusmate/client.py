"""Focusmate's API: the two reads that the plugin makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from rallypoint.sdk import Client, RetryLater
from rallypoint_focusmate.schemas import Me, Session


async def fetch_me(client: Client) -> Me:
    """Return the user whose key ``client`` carries.

    Raises:
        RetryLater: The reply is not what the API documents; further errors as ``Client.get_json``.
    """
    reply = await client.get_json("/me")
    try:
        return Me.model_validate(reply["user"])
    except (ValidationError, KeyError, TypeError):
        raise RetryLater("Focusmate's reply about the user cannot be read") from None


async def fetch_sessions(client: Client, start: int, end: int) -> tuple[Sequence[Session], int]:
    """Return the sessions that start between two times (ms, at most a year apart).

    Returns:
        What can be read, and how many sessions cannot: one odd session must not hide the others.

    Raises:
        RetryLater: The reply is not what the API documents; further errors as ``Client.get_json``.
    """
    reply = await client.get_json("/sessions", params={"start": _iso(start), "end": _iso(end)})
    items = reply.get("sessions") if isinstance(reply, dict) else None
    if not isinstance(items, list):
        raise RetryLater("Focusmate's reply about sessions cannot be read")
    read = [session for item in items if (session := _session(item)) is not None]
    return read, len(items) - len(read)


def _session(item: object) -> Session | None:
    try:
        return Session.model_validate(item)
    except ValidationError:
        return None


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

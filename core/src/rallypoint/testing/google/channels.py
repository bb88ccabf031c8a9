"""Push notifications: channels that clients open, and the real requests that Google posts to them.

https://developers.google.com/workspace/calendar/api/guides/push
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

import aiohttp

from rallypoint.testing.google.errors import Refusal

_ID = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_LONGEST_TOKEN = 256
_WEEK_MS = 7 * 24 * 3600 * 1000
_MONTH_MS = 30 * 24 * 3600 * 1000
_AGAIN = (500, 502, 503, 504)
_RETRIES = 5


@dataclass(frozen=True, slots=True)
class ChannelState:
    """An open channel; ``expiration`` in milliseconds, ``sent`` counts its messages."""

    id: str
    email: str
    address: str
    token: str
    resource_id: str
    resource_uri: str
    expiration: int
    sent: int = 0


class Channels:
    """All channels, and the sending of their messages.

    Attributes:
        insecure: Take plain http addresses too, which Google does not.
        muted: Lose every message from now on.
        lifetime_ms: The longest a channel lives.
        retry_seconds: Before a message that was answered 5xx is posted again; doubles.
    """

    def __init__(self, insecure: bool = False) -> None:
        self.insecure = insecure
        self.muted = False
        self.lifetime_ms = _MONTH_MS
        self.retry_seconds = 0.05
        self.open: dict[str, ChannelState] = {}
        self.stopped: dict[str, ChannelState] = {}
        self._queues: dict[str, asyncio.Queue[tuple[str, Mapping[str, str]]]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None

    def watch(self, email: str, uri: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Open a channel and send its ``sync`` message.

        Raises:
            Refusal: Its id is taken, or its address or type is not allowed.
        """
        channel = self._channel(email, uri, body)
        self.open[channel.id] = channel
        self.send(channel.id, "sync")
        return {
            "kind": "api#channel",
            "id": channel.id,
            "resourceId": channel.resource_id,
            "resourceUri": channel.resource_uri,
            "expiration": str(channel.expiration),
            **({"token": channel.token} if channel.token else {}),
        }

    def stop(self, email: str, body: Mapping[str, Any]) -> None:
        """Close a channel.

        Raises:
            Refusal: There is none of that id and resource; 404.
        """
        channel = self.open.get(body.get("id", ""))
        if channel is None or (channel.resource_id, channel.email) != (body.get("resourceId"), email):
            raise Refusal(404, "notFound", f"Channel '{body.get('id')}' not found for project '1'")
        self.stopped[channel.id] = self.open.pop(channel.id)

    def changed(self, email: str) -> None:
        """Tell every channel of a calendar that something of it changed."""
        for channel in list(self.open.values()):
            if channel.email == email and channel.expiration > time.time() * 1000:
                self.send(channel.id, "exists")

    def send(self, channel_id: str, state: str = "exists", **headers: str) -> None:
        """Post a message of a channel, open or stopped; nothing when messages are being lost.

        Args:
            channel_id: Of the channel.
            state: ``sync``, ``exists`` or ``not_exists``.
            headers: In the place of the right ones, such as ``X_Goog_Channel_Token``.
        """
        where = self.open if channel_id in self.open else self.stopped
        channel = where[channel_id] = replace(where[channel_id], sent=where[channel_id].sent + 1)
        if self.muted:
            return
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._queue(channel_id).put_nowait((channel.address, {**_headers(channel, state), **given}))

    async def quiet(self) -> None:
        """Wait until every message has been posted."""
        for queue in list(self._queues.values()):
            await queue.join()

    async def close(self) -> None:
        """End every sender."""
        senders, self._senders = list(self._senders.values()), {}
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _channel(self, email: str, uri: str, body: Mapping[str, Any]) -> ChannelState:
        channel_id, address = body.get("id", ""), body.get("address", "")
        if not _ID.fullmatch(channel_id):
            raise Refusal(400, "channelIdInvalid", "Invalid channel id")
        if body.get("type") not in ("web_hook", "webhook"):
            raise Refusal(400, "channelUnknown", "Unrecognised channel type")
        if channel_id in self.open or channel_id in self.stopped:
            raise Refusal(400, "channelIdNotUnique", f"Channel id {channel_id} not unique")
        if not address.startswith("https://") and not (self.insecure and address.startswith("http://")):
            raise Refusal(400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {address}")
        if len(body.get("token", "")) > _LONGEST_TOKEN:
            raise Refusal(400, "invalid", "Channel token too long")
        now = round(time.time() * 1000)
        wanted = int(body.get("expiration") or now + _WEEK_MS)
        resource = hashlib.sha256(f"{email}/events".encode()).hexdigest()[:27]
        until = min(wanted, now + self.lifetime_ms)
        return ChannelState(channel_id, email, address, body.get("token", ""), resource, uri, until)

    def _queue(self, channel_id: str) -> asyncio.Queue[tuple[str, Mapping[str, str]]]:
        if channel_id not in self._queues:
            self._queues[channel_id] = asyncio.Queue()
            self._senders[channel_id] = asyncio.create_task(self._sender(self._queues[channel_id]))
        return self._queues[channel_id]

    async def _sender(self, queue: asyncio.Queue[tuple[str, Mapping[str, str]]]) -> None:
        while True:
            address, headers = await queue.get()
            try:
                await self._post(address, headers)
            finally:
                queue.task_done()

    async def _post(self, address: str, headers: Mapping[str, str]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
        for attempt in range(_RETRIES):
            try:
                async with self._session.post(address, headers=headers, data=b"") as reply:
                    if reply.status not in _AGAIN:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(self.retry_seconds * 2**attempt)


def _headers(channel: ChannelState, state: str) -> dict[str, str]:
    headers = {
        "X-Goog-Channel-ID": channel.id,
        "X-Goog-Message-Number": str(channel.sent),
        "X-Goog-Resource-ID": channel.resource_id,
        "X-Goog-Resource-State": state,
        "X-Goog-Resource-URI": channel.resource_uri,
        "X-Goog-Channel-Expiration": formatdate(channel.expiration / 1000, usegmt=True),
        "Content-Type": "application/json; utf-8",
    }
    return {**headers, "X-Goog-Channel-Token": channel.token} if channel.token else headers

"""A Phoenix client of a test: joins one topic and keeps what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

import aiohttp

Heard = tuple[str, Any]


class Listener:
    """A socket on one topic.

    Args:
        url: Of the server.
        token: Its user's.
        topic: To join.
        since: Sent along with the join.
        presence: Whether the topic tells who is there; it is then waited for.

    Attributes:
        reply: Of the join.
        heard: Events and their payloads, in order.
        closed: Close code, once the socket has ended.
    """

    def __init__(self, url: str, token: str, topic: str, since: str = "", *, presence: bool = True) -> None:
        self._url = f"{url}/socket/websocket?vsn=2.0.0&token={token}"
        self._topic, self._since, self._presence = topic, since, presence
        self.reply: Any = None
        self.heard: list[Heard] = []
        self.closed: int | None = None
        self._session = aiohttp.ClientSession()
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Listener:
        try:
            self._socket = await self._session.ws_connect(self._url)
        except aiohttp.ClientError:
            await self._session.close()
            raise
        payload = {"since": self._since} if self._since else {}
        await self._socket.send_json(["1", "1", self._topic, "phx_join", payload])
        self._task = asyncio.create_task(self._read())
        await self.until(lambda: self.reply)
        if self._presence:
            await self.until(lambda: self.events("presence_state"))  # the last thing before the stream
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._session.close()

    async def send(self, event: str, payload: Any) -> None:
        """Send an event on the topic."""
        await self._socket.send_json(["1", "2", self._topic, event, payload])

    async def until(self, true: Callable[[], object], seconds: float = 10.0) -> None:
        """Wait until a condition on what was heard holds."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(true)

    def events(self, name: str) -> list[Any]:
        """Return the payloads of one event."""
        return [payload for event, payload in self.heard if event == name]

    @property
    def present(self) -> set[str]:
        """Who is on the topic, as a client computes it from state and diffs."""
        refs: dict[str, set[str]] = {}
        for event, payload in self.heard:
            if event == "presence_state":
                refs = {key: {meta["phx_ref"] for meta in one["metas"]} for key, one in payload.items()}
            if event == "presence_diff":
                for key, one in payload["joins"].items():
                    refs.setdefault(key, set()).update(meta["phx_ref"] for meta in one["metas"])
                for key, one in payload["leaves"].items():
                    refs.get(key, set()).difference_update(meta["phx_ref"] for meta in one["metas"])
        return {key for key, some in refs.items() if some}

    async def _read(self) -> None:
        async for message in self._socket:
            _join_ref, _ref, _topic, event, payload = message.json()
            async with self._news:
                if event == "phx_reply" and self.reply is None:
                    self.reply = payload
                else:
                    self.heard.append((event, payload))
                self._news.notify_all()
        async with self._news:
            self.closed = self._socket.close_code
            self._news.notify_all()

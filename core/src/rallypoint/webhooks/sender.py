"""One attempt: posts a signed body and says how it went. Never raises for what a receiver or a network does."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from rallypoint import __version__
from rallypoint.storage import clock
from rallypoint.webhooks import signing
from rallypoint.webhooks.guard import PrivateAddressError, make_session
from rallypoint.webhooks.kinds import hide
from rallypoint.webhooks.turns import Turns, never

REPLY_HEAD = 1024
_POSTS_A_TURN = 4
_HEADERS = {"Content-Type": "application/json", "User-Agent": f"Rallypoint-Webhooks/{__version__}"}


@dataclass(slots=True)
class Result:
    """How one attempt went.

    Args:
        at: Milliseconds, when it began.
        duration_ms: Until the reply's head was read, or it failed.
        status: None when no reply came.
        error: Class of failure: ``timeout``, ``dns``, ``tls``, ``private_address``, ``connection``, ``protocol``.
        reply: First bytes of the reply's body, at most ``REPLY_HEAD``.
        retry_after: Seconds that the receiver asked to wait.
    """

    at: int
    duration_ms: int
    status: int | None = None
    error: str = ""
    reply: bytes = b""
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver took it: 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts deliveries over a session of its own.

    Args:
        allow_private: Whether targets may be private addresses.
        timeout: Seconds for one attempt.
        busy: Whether others wait for this event loop, so that posts make way.
    """

    def __init__(self, *, allow_private: bool, timeout: float, busy: Callable[[], bool] = never) -> None:
        self._allow_private = allow_private
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self._turns = Turns(_POSTS_A_TURN, busy)

    async def close(self) -> None:
        """Close connections; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self,
        url: str,
        secrets: Sequence[str],
        message_id: str,
        body: bytes,
        extra: Mapping[str, str] | None = None,
    ) -> Result:
        """Post ``body`` once.

        Args:
            url: Of the target.
            secrets: The present secret, then the previous one while it is being rotated.
            message_id: Sent as ``webhook-id``.
            body: As signed.
            extra: Headers of this target alone; what they say is not kept, even if the receiver repeats it.
        """
        await self._turns.take()
        at = clock.now()
        begun = time.perf_counter()
        headers = signing.headers(secrets, message_id, at // 1000, body)
        headers.update(_HEADERS)
        if extra:
            headers.update(extra)
        try:
            response = await self._open().post(
                self._parse(url), data=body, headers=headers, allow_redirects=False
            )
            try:
                reply = await _head(response.content)
            finally:
                response.release()
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            return Result(at, _since(begun), None, classify(error))
        if extra:
            reply = hide(reply, extra.values())
        retry_after = response.headers.get("Retry-After")
        wait = None if retry_after is None else parse_retry_after(retry_after, at)
        return Result(at, _since(begun), response.status, "", reply, wait)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = make_session(allow_private=self._allow_private, timeout=self._timeout)
        return self._session

    def _parse(self, url: str) -> URL:
        parsed = self._urls.get(url)
        if parsed is None:
            if len(self._urls) >= 10_000:
                self._urls.clear()
            parsed = self._urls[url] = URL(url)
        return parsed


async def _head(content: aiohttp.StreamReader) -> bytes:
    """Read the first bytes; whoever sends more loses the connection, which is cheaper than to read it all."""
    head = b""
    while not content.at_eof() and len(head) < REPLY_HEAD:
        head += await content.read(REPLY_HEAD - len(head))
    return head


def _since(begun: float) -> int:
    return round((time.perf_counter() - begun) * 1000)


def parse_retry_after(value: str, now: int) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for (RFC 9110 §10.2.3), or None when it is nonsense.

    Args:
        value: Seconds, or an HTTP date.
        now: Milliseconds.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - now / 1000)
    except (ValueError, OverflowError, OSError):
        return None


def classify(error: BaseException) -> str:
    """Return the class of a failure that brought no reply."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, PrivateAddressError):
        return "private_address"
    if isinstance(cause, TimeoutError | asyncio.TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(cause, socket.gaierror):
        return "dns"
    if isinstance(error, aiohttp.ClientSSLError) or isinstance(cause, ssl.SSLError | ssl.CertificateError):
        return "tls"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | OSError):
        return "connection"
    return "protocol"

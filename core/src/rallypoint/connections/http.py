"""The one HTTP client for providers: what every call needs, so that no plugin writes it again.

Timeouts, a bound on replies, retries with jitter of what may be repeated, ``Retry-After`` (RFC 9110 §10.2.3)
and a breaker for each base URL. Nothing of a request but method, host, path and status is ever logged.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import structlog
from yarl import URL

from rallypoint import __version__
from rallypoint.connections.api import Response
from rallypoint.connections.breaker import Breaker
from rallypoint.connections.pace import Pace
from rallypoint.connections.replies import reason_code, refusal, retry_after
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater

_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_log = structlog.stdlib.get_logger("rallypoint.connections")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Bounds of every call.

    Args:
        timeout: Seconds for one attempt, reading included.
        max_bytes: Of a reply, unpacked.
        retries: Repetitions of what may be repeated.
        retry_base: Seconds before the first repetition; doubles, with full jitter.
        patience: Longest ``Retry-After`` in seconds that a call itself waits out.
        max_redirects: Followed within the same origin, for GET alone.
        connections_per_host: Open at once.
    """

    timeout: float = 15.0
    max_bytes: int = 4_000_000
    retries: int = 2
    retry_base: float = 0.3
    patience: float = 2.0
    max_redirects: int = 3
    connections_per_host: int = 20


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Args:
        base_url: Of the provider's API, without a slash at the end.
        path: Below it, with a slash at the start.
        headers: Credentials among them.
        params: The query.
        body: JSON-able; None for no body.
        data: Bytes in place of ``body``, with their ``content_type``.
        quota: Whose request limit it counts against: a 429 holds back the other calls of the same quota.
        pace: Of the service; each attempt waits for its turn.
    """

    method: str
    base_url: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    quota: str = ""
    data: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    pace: Pace | None = None

    @property
    def url(self) -> URL:
        """The whole URL.

        Raises:
            PermanentFailure: The path would leave the base URL.
        """
        if not self.path.startswith("/") or {"..", "."} & set(self.path.split("/")):
            raise PermanentFailure("a provider's path must start with / and stay below its base URL")
        return URL(self.base_url.rstrip("/") + self.path).update_query(self.params)

    @property
    def content(self) -> bytes | None:
        """The bytes of the body, if there is one."""
        return self.data if self.body is None else orjson.dumps(self.body)


class _Again(Exception):
    """The attempt failed in a way that another may mend."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class ProviderHttp:
    """Calls providers over one session for the whole process.

    Args:
        options: Bounds.
    """

    def __init__(self, options: HttpOptions | None = None) -> None:
        self.options = options or HttpOptions()
        self._session: aiohttp.ClientSession | None = None
        self._breakers: dict[str, Breaker] = {}
        self._paused: dict[str, float] = {}

    async def open(self) -> None:
        """Make the session; needs a running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=200, limit_per_host=self.options.connections_per_host),
            timeout=aiohttp.ClientTimeout(total=self.options.timeout),
            headers={"User-Agent": f"rallypoint/{__version__}", "Accept": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        """Close every connection; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, request: Request) -> Response:
        """Make a call and return the reply.

        Raises:
            RetryLater: Away, slow, broken, or asked to wait.
            NeedsReauth: 401.
            PermanentFailure: Any other 4xx with what the provider said, a redirect to elsewhere, or a reply
                over the size limit.
        """
        self._check_pause(request.quota)
        breaker = self._breakers.setdefault(request.base_url, Breaker())
        for attempt in range(self.options.retries + 1):
            if wait := breaker.wait():
                raise RetryLater("the provider is away", after=wait)
            try:
                reply = await self._attempt(request, breaker)
            except _Again as error:
                last = attempt == self.options.retries or request.method not in _IDEMPOTENT
                if last or (error.after or 0) > self.options.patience:
                    raise RetryLater(str(error), after=error.after) from None
                await asyncio.sleep(self._delay(attempt, error.after))
            else:
                return reply
        raise AssertionError("the last attempt returns or raises")

    def _delay(self, attempt: int, after: float | None) -> float:
        return after if after is not None else random.uniform(0, self.options.retry_base * 2**attempt)

    async def _attempt(self, request: Request, breaker: Breaker) -> Response:
        if request.pace is not None:
            await request.pace.turn(request.quota)
        try:
            status, headers, body = await self._exchange(request, request.url)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            breaker.failed()
            _log.info("a provider did not answer", **_facts(request), error=type(error).__name__)
            raise _Again(f"the provider did not answer ({type(error).__name__})") from None
        except PermanentFailure:
            breaker.succeeded()  # it did answer, with something that we refuse
            raise
        breaker.failed() if status in (500, 502, 503, 504) else breaker.succeeded()
        return self._judge(request, status, headers, body)

    async def _exchange(self, request: Request, url: URL) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            raise RuntimeError("the provider client is not open")
        data = request.content
        headers = {**request.headers, **({} if data is None else {"Content-Type": request.content_type})}
        for _ in range(self.options.max_redirects + 1):
            async with self._session.request(
                request.method, url, headers=headers, data=data, allow_redirects=False
            ) as response:
                if response.status not in _REDIRECTS:
                    return response.status, response.headers, await self._read(response)
                url = _same_origin(request, url, response.headers.get("Location", ""))
        raise PermanentFailure("the provider redirects too often")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts, size = [], 0
        async for part in response.content.iter_chunked(65_536):
            size += len(part)
            if size > self.options.max_bytes:
                response.close()
                raise PermanentFailure(f"the provider's reply is over {self.options.max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def _judge(self, request: Request, status: int, headers: Mapping[str, str], body: bytes) -> Response:
        if 200 <= status < 300:
            named = {name.lower(): value for name, value in headers.items()}
            return Response(status, named, _parse(body))
        _log.info("a provider refused", **_facts(request), status=status)
        if status == 401:
            raise NeedsReauth("the provider refuses the credential")
        if status in (408, 425, 429) or status >= 500:
            after = retry_after(headers.get("Retry-After"))
            if status == 429:
                self._pause(request.quota, after)
            raise _Again(f"the provider answered {status}", after)
        said = refusal(body)
        reason = reason_code(said, headers)
        raise PermanentFailure(
            f"the provider answered {status}", status=status, reason_code=reason, payload=said
        )

    def _pause(self, quota: str, after: float | None) -> None:
        if quota:
            now = time.monotonic()
            self._paused = {name: until for name, until in self._paused.items() if until > now}
            self._paused[quota] = now + (1.0 if after is None else after)

    def _check_pause(self, quota: str) -> None:
        left = self._paused.get(quota, 0.0) - time.monotonic()
        if left > 0:
            raise RetryLater("the provider asked to wait", after=left)


def _same_origin(request: Request, url: URL, location: str) -> URL:
    try:
        target = url.join(URL(location))
        allowed = request.method == "GET" and target.origin() == url.origin()
    except ValueError:
        allowed = False
    if not allowed or not location:
        raise PermanentFailure("the provider redirects elsewhere")
    return target


def _parse(body: bytes) -> Any:
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _Again("the provider's reply is not JSON") from None


def _facts(request: Request) -> dict[str, str]:
    """Return what may be logged: of the path no query, and no part that names a person by an address."""
    parts = request.path.partition("?")[0].split("/")
    path = "/".join("…" if "@" in part or "%40" in part else part for part in parts)
    return {"method": request.method, "host": URL(request.base_url).host or "", "path": path}

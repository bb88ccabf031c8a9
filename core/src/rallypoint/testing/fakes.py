"""The base of provider fakes: a real HTTP server, strict about what it accepts and able to fail on demand.

A fake is used in tests (``async with AcmeFake() as fake``) or run alone (``python -m …``); alone, failures
are asked for with ``POST /_fake/faults``.
"""

from __future__ import annotations

import argparse
import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

_CONTROL = "/_fake/"


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests.

    Args:
        status: Answered instead of the real reply; None to go on after the delay.
        headers: Of that answer.
        body: Of that answer.
        delay: Seconds before anything is answered.
        cut: Close the connection without an answer; the request is carried out nevertheless.
        cut_after: Close the connection after so many bytes of the real answer's body.
        skip: How many requests go well before.
        times: How many requests.
        path: Of the requests, a prefix.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    delay: float = 0.0
    cut: bool = False
    times: int = 1
    path: str = "/"
    cut_after: int | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as the fake received it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class ProviderFake(ABC):
    """A provider on a loopback port.

    Attributes:
        requests: Everything received, refused or not, oldest first.
        faults: What is still to go wrong.
    """

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.faults: list[Fault] = []
        self._runner: web.AppRunner | None = None
        self._url = ""

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of the provider."""

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        if not self._url:
            raise RuntimeError("the fake is not running")
        return self._url

    def fail(
        self,
        status: int | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: str = "",
        delay: float = 0.0,
        cut: bool = False,
        times: int = 1,
        path: str = "/",
        cut_after: int | None = None,
        skip: int = 0,
    ) -> None:
        """Let the next requests go wrong; see :class:`Fault`."""
        self.faults.append(Fault(status, headers or {}, body, delay, cut, times, path, cut_after, skip))

    def received(self, method: str, path: str) -> Sequence[Recorded]:
        """Return the requests of one method and path."""
        return [one for one in self.requests if (one.method, one.path) == (method, path)]

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, on a free port when none is given, and return the base URL."""
        app = web.Application(middlewares=[self._observe])
        app.add_routes(self.routes())
        app.router.add_post(f"{_CONTROL}faults", self._add_fault)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self._url = f"http://{host}:{self._runner.addresses[0][1]}"
        return self._url

    async def stop(self) -> None:
        """Stop listening; safe to call twice."""
        runner, self._runner, self._url = self._runner, None, ""
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    @classmethod
    def main(cls, arguments: Sequence[str] | None = None) -> None:
        """Serve until interrupted: the body of ``if __name__ == "__main__"`` of a fake."""
        parser = argparse.ArgumentParser(description=cls.__doc__)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0)
        options = parser.parse_args(arguments)
        asyncio.run(cls()._serve(options.host, options.port))

    def seed(self) -> None:  # noqa: B027 - most have nothing to show
        """Make what a fake that runs alone should have to show."""

    async def _serve(self, host: str, port: int) -> None:
        self.seed()
        print(await self.start(host, port), flush=True)  # noqa: T201
        try:
            await asyncio.Event().wait()
        finally:
            await self.stop()

    @web.middleware
    async def _observe(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith(_CONTROL):
            return await _answer(handler, request)
        body = await request.read()
        self.requests.append(
            Recorded(request.method, request.path, dict(request.query), dict(request.headers), body)
        )
        fault = self._next_fault(request.path)
        if fault is None:
            return await _answer(handler, request)
        await asyncio.sleep(fault.delay)
        if fault.cut and request.transport is not None:
            request.transport.abort()
        if fault.cut_after is not None:
            return await _broken_off(await _answer(handler, request), request, fault.cut_after)
        if fault.status is None:
            return await _answer(handler, request)
        return web.Response(status=fault.status, headers=fault.headers, text=fault.body)

    def _next_fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if path.startswith(fault.path):
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    async def _add_fault(self, request: web.Request) -> web.Response:
        self.faults.append(Fault(**await request.json()))
        return web.json_response({"faults": len(self.faults)})


async def _answer(handler: Any, request: web.Request) -> web.StreamResponse:
    response: web.StreamResponse = await handler(request)
    return response


async def _broken_off(whole: web.StreamResponse, request: web.Request, after: int) -> web.StreamResponse:
    """Send the head of an answer and the beginning of its body, then close the connection."""
    body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
    begun = web.StreamResponse(status=whole.status, headers=whole.headers)
    begun.content_length = len(body)
    await begun.prepare(request)
    await begun.write(body[:after])
    if request.transport is not None:
        request.transport.abort()
    return begun

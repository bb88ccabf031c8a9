"""The parts that an event passes through on its way to a webhook, put together as the app does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from rallypoint.events.fanout import Fanout
from rallypoint.events.outbox import Outbox
from rallypoint.events.reactions import react_task
from rallypoint.events.types import Draft, Event, EventType
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.realtime.channel import Message
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.leases import Leases
from rallypoint.webhooks.bodies import Renderer
from rallypoint.webhooks.deliveries import Deliveries
from rallypoint.webhooks.targets import NewTarget, Targets

TYPES = (EventType("thing.happened", "It happened"), EventType("thing.whispered", "Quietly", webhooks=False))


def settings(**changes: Any) -> Settings:
    """Settings that are quick to retry and may talk to this machine."""
    values: dict[str, Any] = {
        "secret_key": SecretStr("0123456789abcdef0123456789abcdef"),
        "allow_private_targets": True,
        "webhook_retry_base": 0.05,
        "webhook_timeout": 5.0,
    }
    return Settings(_env_file=None, **(values | changes))


class Listener:
    """In the place of the hub: keeps what is published."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def publish(self, message: Message) -> None:
        self.messages.append(message)


class House:
    """Outbox, fan-out, targets and deliveries on one database; stopped within twice ``grace`` seconds."""

    def __init__(self, database: Database, **changes: Any) -> None:
        self.grace = 0.5
        self.database = database
        self.settings = settings(**changes)
        self.jobs = EmbeddedJobs()
        self.hub = Listener()
        self.vault = Vault(self.settings)
        self.leases = Leases(database)
        self.outbox = Outbox(database, self.jobs, self.hub)
        self.outbox.declare(TYPES)
        self.plugins: set[str] = set()
        self.wanted: dict[str, tuple[str, ...]] = {}
        self.fanout = Fanout(
            database, self.jobs, self.leases, self.outbox.types, self._listeners, self._react
        )
        self.targets = Targets(database, self.vault, self.settings)
        self.renderers: dict[str, Renderer] = {}
        self.deliveries = Deliveries(
            database, self.jobs, self.leases, self.outbox, self.vault, self.settings, self.renderers
        )
        self.targets.on_removed.append(self.deliveries.forget)
        self._seqs: dict[str, int] = {}

    async def _listeners(self, _tx: Transaction) -> dict[str, tuple[str, ...]]:
        return {plugin: self.wanted.get(plugin, ("*",)) for plugin in sorted(self.plugins)}

    def _react(self, plugin: str) -> None:
        self.jobs.wake(react_task(plugin))

    async def start(self) -> None:
        await self.jobs.start()

    async def stop(self) -> None:
        await self.deliveries.stop(self.grace)
        await self.jobs.stop(self.grace)

    async def target(self, subject: str, url: str, **more: Any) -> NewTarget:
        values = {"account_id": "acc", "mode": "live", "owner_id": "owner", "kind": "room"} | more
        async with self.database.transaction() as tx:
            return await self.targets.create(tx, subject=subject, url=url, **values)

    def draft(self, subject: str, payload: Any = None, **more: Any) -> Draft:
        seq = self._seqs[subject] = self._seqs.get(subject, 0) + 1
        values: dict[str, Any] = {
            "type": "thing.happened",
            "account_id": "acc",
            "mode": "live",
            "topics": (subject,),
            "payload": {"n": seq} if payload is None else payload,
        } | more
        return Draft(subject=subject, seq=seq, **values)

    async def happen(self, subject: str, payload: Any = None, **more: Any) -> Event:
        async with self.database.transaction() as tx:
            return await self.outbox.add(tx, self.draft(subject, payload, **more))

    async def states(self) -> list[str]:
        rows = await self.database.fetch("SELECT state FROM webhook_deliveries ORDER BY id")
        return [row["state"] for row in rows]

    async def states_are(self, *expected: str) -> bool:
        return await self.states() == list(expected)

    async def none_pending(self) -> bool:
        return not await self.database.fetch(
            "SELECT 1 FROM webhook_lanes UNION ALL SELECT 1 FROM events WHERE fan_at > 0 LIMIT 1"
        )


@asynccontextmanager
async def open_house(database: Database, **changes: Any) -> AsyncIterator[House]:
    """A started house, stopped afterwards."""
    house = House(database, **changes)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


async def eventually(check: Callable[[], bool | Awaitable[bool]], seconds: float = 8.0) -> None:
    """Wait until ``check`` holds, and fail when it does not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        holds = check()
        if await holds if isinstance(holds, Awaitable) else holds:
            return
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


@dataclass
class Got:
    """A request as received."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """An HTTP server on loopback that keeps what it gets; ``answers`` by path, 200 otherwise."""

    answers: dict[str, Answer] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    port: int = 0

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def on(self, path: str) -> list[Got]:
        return [got for got in self.got if got.path == path]

    def answer(self, path: str, statuses: Iterable[int], **headers: str) -> None:
        """Answer ``path`` with these statuses one after the other, the last one for ever."""
        remaining = list(statuses)

        async def reply(_request: web.Request) -> web.Response:
            status = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return web.Response(status=status, headers=named, text=f"status {status}")

        self.answers[path] = reply

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        at = asyncio.get_running_loop().time()
        self.got.append(Got(request.path, {k.lower(): v for k, v in request.headers.items()}, body, at))
        answer = self.answers.get(request.path)
        return web.Response(text="thanks") if answer is None else await answer(request)


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    """A running receiver."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()

"""Inbound webhooks: verified, kept once, answered at once, handled afterwards and again until it went well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
import structlog
from pydantic import BaseModel, ConfigDict

from rallypoint.errors import BadRequest, NotFound, PermanentFailure, RetryLater
from rallypoint.jobs.api import Jobs
from rallypoint.jobs.backoff import backoff
from rallypoint.plugins.contributions import Inbound, WebhookSource
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row
from rallypoint.storage.ids import new_id
from rallypoint.storage.leases import Lease, LeaseLost, Leases
from rallypoint.web.routing import Access, Call, Reply, Route

MAX_ATTEMPTS = 15
MAX_DELIVERY_ID = 200
_BATCH = 20
_SWEEP_SECONDS = 5.0
_LEASE_SECONDS = 120.0
_HELD_ELSEWHERE_MS = 1_000
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_log = structlog.stdlib.get_logger("rallypoint.webhooks")


class Anything(BaseModel):
    """A query string or reply of which nothing is demanded."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What becomes of a receipt: handled when ``error`` is empty, given up when ``next_at`` is None."""

    attempts: int
    error: str = ""
    next_at: int | None = None

    @property
    def state(self) -> str:
        """The receipt's state from now on."""
        if not self.error:
            return "handled"
        return "failed" if self.next_at is None else "pending"


class Receipts:
    """Inbound webhooks of all providers.

    Args:
        database: Where the rows are.
        jobs: Wakes the handling, from the queue of the provider's plugin.
        leases: One process handles a provider's receipts at a time.
        settings: ``public_url``, as some signatures cover the URL.
    """

    def __init__(self, database: Database, jobs: Jobs, leases: Leases, settings: Settings) -> None:
        self._database, self._jobs, self._leases = database, jobs, leases
        self._base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
        self._sources: dict[str, WebhookSource] = {}

    def receipt_route(self, source: WebhookSource, *, queue: str = "core", limit: str = "inbound") -> Route:
        """Register a source and return the public route that providers post to.

        Args:
            source: Its callables are called as they are; wrap them before to guard against a bad plugin.
            queue: Of the plugin that the source is of.
            limit: Name of the limit of the route.

        Raises:
            ValueError: The provider has a source already.
        """
        if source.provider in self._sources:
            raise ValueError(f"the provider {source.provider!r} has a source already")
        self._sources[source.provider] = source
        task = _task(source.provider)
        self._jobs.handle(task, lambda _key: self.run(source.provider), queue=queue)
        self._jobs.every(_SWEEP_SECONDS, f"{task}.sweep", partial(self._sweep, source.provider), queue=queue)

        async def receive(call: Call, query: Anything) -> Reply:
            return await self._receive(source, self._inbound(source, call, query))

        return Route(
            method="POST",
            path=source.path,
            handler=receive,
            summary=source.summary,
            replies={source.ok.status: Anything},
            query=Anything,
            errors=frozenset({400, 401, 413, 503}),
            access=Access.PUBLIC,
            limit=limit,
            tag="webhooks",
        )

    async def replay(self, receipt_id: str) -> None:
        """Handle a receipt again, whatever came of it before.

        Raises:
            NotFound: There is no such receipt.
        """
        async with self._database.transaction() as tx:
            rows = await tx.fetch(
                "UPDATE webhook_receipts SET state = 'pending', attempts = 0, next_at = ? WHERE id = ?"
                " RETURNING provider",
                clock.now(),
                receipt_id,
            )
            for row in rows:
                tx.after_commit(partial(self._jobs.wake, _task(row["provider"])))
        if not rows:
            raise NotFound("There is no such receipt")

    async def run(self, provider: str) -> None:
        """Handle everything of a provider that is due; of one that is absent it stays."""
        source = self._sources.get(provider)
        if source is None:
            return
        lease = await self._leases.acquire(_task(provider), _LEASE_SECONDS)
        if lease is None:
            return  # its holder looks again when it ends
        try:
            while rows := await self._due(provider):
                for row in rows:
                    lease = await self._leases.renew(lease, _LEASE_SECONDS)
                    await self._write(lease, row, await self._handle(source, row))
            await self._wake_when_due(provider)
        except LeaseLost:
            self._jobs.wake_at(clock.now() + _HELD_ELSEWHERE_MS, _task(provider))
        finally:
            if await self._leases.release(lease):
                self._jobs.wake(_task(provider))

    def _inbound(self, source: WebhookSource, call: Call, query: Anything) -> Inbound:
        values = {name: str(value) for name, value in (query.model_extra or {}).items()}
        url = self._base + source.path + (f"?{urlencode(values)}" if values else "")
        return Inbound(call.raw, dict(call.headers), values, url)

    async def _receive(self, source: WebhookSource, inbound: Inbound) -> Reply:
        source.verify(inbound)
        answer = source.answer(inbound)
        if answer is not None:
            return answer
        await self._keep(source.provider, _delivery_id(source, inbound), inbound)
        return source.ok

    async def _keep(self, provider: str, delivery_id: str, inbound: Inbound) -> None:
        at = clock.now()
        async with self._database.transaction() as tx:
            await tx.execute(
                "INSERT INTO webhook_receipts (id, provider, delivery_id, body, headers, query, url, state,"
                " attempts, next_at, error, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 0, ?, '', ?)"
                " ON CONFLICT (provider, delivery_id) DO NOTHING",
                new_id(),
                provider,
                delivery_id,
                inbound.body,
                _dump({k: v for k, v in inbound.headers.items() if k not in _SECRET_HEADERS}),
                _dump(inbound.query),
                inbound.url,
                at,
                at,
            )
            tx.after_commit(lambda: self._jobs.wake(_task(provider)))

    async def _sweep(self, provider: str) -> None:
        if await self._due(provider, 1):
            self._jobs.wake(_task(provider))

    async def _wake_when_due(self, provider: str) -> None:
        row = await self._database.fetch_one(
            "SELECT MIN(next_at) AS next_at FROM webhook_receipts WHERE provider = ?", provider
        )
        if row is not None and row["next_at"] is not None:
            self._jobs.wake_at(row["next_at"], _task(provider))

    async def _due(self, provider: str, limit: int = _BATCH) -> Sequence[Row]:
        return await self._database.fetch(
            "SELECT id, body, headers, query, url, attempts FROM webhook_receipts"
            " WHERE provider = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?",
            provider,
            clock.now(),
            limit,
        )

    async def _handle(self, source: WebhookSource, row: Row) -> _Verdict:
        attempts = row["attempts"] + 1
        inbound = Inbound(
            bytes(row["body"]), orjson.loads(row["headers"]), orjson.loads(row["query"]), row["url"]
        )
        try:
            await source.handle(inbound)
        except PermanentFailure as error:
            return _Verdict(attempts, _said(error))
        except Exception as error:
            _log.warning(
                "a webhook was not handled", provider=source.provider, attempt=attempts, exc_info=True
            )
            after = error.after if isinstance(error, RetryLater) else None
            again = None if attempts >= MAX_ATTEMPTS else clock.now() + backoff(attempts, after)
            return _Verdict(attempts, _said(error), again)
        return _Verdict(attempts)

    async def _write(self, lease: Lease, row: Row, verdict: _Verdict) -> None:
        async with self._database.transaction() as tx:
            await Leases.guard(tx, lease)
            await tx.execute(
                "UPDATE webhook_receipts SET state = ?, attempts = ?, next_at = ?, error = ?, handled_at = ?"
                " WHERE id = ?",
                verdict.state,
                verdict.attempts,
                verdict.next_at,
                verdict.error,
                clock.now(),
                row["id"],
            )


def _task(provider: str) -> str:
    return f"webhooks.receive.{provider}"


def _delivery_id(source: WebhookSource, inbound: Inbound) -> str:
    try:
        delivery_id = source.delivery_id(inbound)
    except (LookupError, ValueError, TypeError):
        raise BadRequest("The delivery does not say its id") from None
    if not delivery_id or len(delivery_id) > MAX_DELIVERY_ID:
        raise BadRequest("The delivery's id is empty or too long")
    return delivery_id


def _dump(values: Any) -> str:
    return orjson.dumps(dict(values)).decode()


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]

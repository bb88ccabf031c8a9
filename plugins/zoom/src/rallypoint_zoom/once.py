"""``Idempotency-Key`` for a route that calls the provider, which must not happen inside a transaction."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rallypoint.sdk import Call, Conflict, PluginContext, ValidationFailed

_NAMESPACE = uuid.UUID("6f1d0c1e-6a55-4c1b-9d38-2f6a0f0f3c2a")
_HOLD_SECONDS = 90.0
_MAX_KEY = 255


class Once:
    """Gives a repeated request the id of the first, by which its meeting is found again.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._database, self._leases = ctx.kernel.database, ctx.kernel.leases
        self._held: set[str] = set()  # a lease keeps other processes out, and not this one

    @asynccontextmanager
    async def holding(self, call: Call) -> AsyncIterator[str]:
        """Yield the id of a request; of one with a key, while nobody else works on the same.

        Raises:
            ValidationFailed: The key is empty, too long or not printable ASCII.
            Conflict: The first request with the key still runs (``IN_PROGRESS``), or had another body.
        """
        key = call.headers.get("idempotency-key")
        if key is None:
            yield str(uuid.uuid4())
            return
        request_id = _id_of(call, key)
        async with self._alone(request_id):
            await self._check(request_id, call)
            yield request_id
            await self._keep(request_id, call)

    @asynccontextmanager
    async def _alone(self, request_id: str) -> AsyncIterator[None]:
        if request_id in self._held:
            raise _in_progress()
        self._held.add(request_id)
        try:
            lease = await self._leases.acquire(f"zoom/{request_id}", _HOLD_SECONDS)
            if lease is None:
                raise _in_progress()
            try:
                yield
            finally:
                await self._leases.release(lease)
        finally:
            self._held.discard(request_id)

    async def _check(self, request_id: str, call: Call) -> None:
        row = await self._database.fetch_one(
            "SELECT fingerprint FROM zoom_meetings WHERE request_id = ?", request_id
        )
        if row is not None and row["fingerprint"] not in (None, _fingerprint(call)):
            raise Conflict("This Idempotency-Key was used for another request")

    async def _keep(self, request_id: str, call: Call) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(
                "UPDATE zoom_meetings SET fingerprint = ? WHERE request_id = ?",
                _fingerprint(call),
                request_id,
            )


def _id_of(call: Call, key: str) -> str:
    if not 0 < len(key) <= _MAX_KEY or not key.isascii() or not key.isprintable():
        raise ValidationFailed({"Idempotency-Key": [f"must be 1 to {_MAX_KEY} printable ASCII characters"]})
    caller = call.caller
    return str(uuid.uuid5(_NAMESPACE, json.dumps([caller.account_id, caller.user_id, key])))


def _in_progress() -> Conflict:
    return Conflict("The first request with this Idempotency-Key is still running", code="IN_PROGRESS")


def _fingerprint(call: Call) -> str:
    return hashlib.sha256(call.raw).hexdigest()

"""``Idempotency-Key``: the same request sent again gets the first reply and changes nothing."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol

from rallypoint.errors import Conflict, ValidationFailed
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.web.answers import encode
from rallypoint.web.routing import Call, Reply

MAX_KEY = 255
LOCK = clock.MINUTE
LOCK_OUTSIDE = 3 * clock.MINUTE
"""Longer than a provider's slowest answer, retries included."""
REPLAYED = {"Idempotency-Replayed": "true"}


class Cipher(Protocol):
    """What keeps stored replies secret."""

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted."""
        ...

    def decrypt(self, token: str) -> str:
        """Return what :meth:`encrypt` was given."""
        ...


class Idempotency:
    """Runs a handler once for each key.

    A reservation is committed first; the reply is stored in the same transaction as the handler's changes, so
    there is never one without the other. A run that dies leaves a reservation that lapses after a minute.

    A handler that calls a provider runs outside any transaction, and its reply is stored after it: when it dies in
    between, its repetition asks the provider again, with the same ``Call.repeat_id``.

    Args:
        database: Where replies are kept.
        cipher: Encrypts them, for some carry secrets that are shown once.
        keep: Milliseconds for which a reply is replayed.
    """

    def __init__(self, database: Database, cipher: Cipher, *, keep: int = clock.DAY) -> None:
        self._database = database
        self._cipher = cipher
        self._keep = keep

    async def once(
        self,
        call: Call,
        method: str,
        path: str,
        handler: Callable[[], Awaitable[Reply]],
        *,
        outside: bool = False,
    ) -> Reply:
        """Return the handler's reply, or the stored one when this request has been answered before.

        Args:
            call: With a principal and the header ``idempotency-key``.
            method: Part of the key's scope, as is ``path``.
            path: As requested.
            handler: Run inside one transaction.
            outside: Run it outside any, because it calls a provider.

        Raises:
            ValidationFailed: The key is empty, too long or not printable ASCII.
            Conflict: The key belongs to another body, or its first request still runs (``IN_PROGRESS``).
        """
        id_ = scope_of(call, method, path)
        fingerprint = hashlib.sha256(call.raw).hexdigest()
        owner = new_id()
        stored = await self._reserve(id_, fingerprint, owner, LOCK_OUTSIDE if outside else LOCK)
        if stored is not None:
            return self._replay(stored)
        try:
            return await (self._run_outside if outside else self._run)(id_, owner, handler)
        except BaseException:
            await self._release(id_, owner)
            raise

    async def prune(self, limit: int = 500) -> int:
        """Delete up to ``limit`` replies that are too old to be replayed, and return how many."""
        async with self._database.transaction() as tx:
            return await tx.execute(
                "DELETE FROM idempotent_replies WHERE id IN"
                " (SELECT id FROM idempotent_replies WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)",
                clock.now(),
                limit,
            )

    async def _reserve(self, id_: str, fingerprint: str, owner: str, lock: int = LOCK) -> str | None:
        """Take the key for ``lock`` milliseconds, or return its stored reply."""
        now = clock.now()
        async with self._database.transaction() as tx:
            taken = await tx.execute(
                "INSERT INTO idempotent_replies (id, fingerprint, owner, reply, expires_at)"
                " VALUES (?, ?, ?, NULL, ?) ON CONFLICT (id) DO UPDATE SET"
                " fingerprint = excluded.fingerprint, owner = excluded.owner, reply = NULL,"
                " expires_at = excluded.expires_at WHERE idempotent_replies.expires_at <= ?",
                id_,
                fingerprint,
                owner,
                now + lock,
                now,
            )
            if taken:
                return None
            row = await tx.fetch_one("SELECT fingerprint, reply FROM idempotent_replies WHERE id = ?", id_)
        if row is None or (row["fingerprint"] == fingerprint and row["reply"] is None):
            raise _in_progress()
        if row["fingerprint"] != fingerprint:
            raise Conflict("This Idempotency-Key was used for another request")
        return str(row["reply"])

    async def _run(self, id_: str, owner: str, handler: Callable[[], Awaitable[Reply]]) -> Reply:
        async with self._database.transaction() as tx:
            reply = _whole(await handler())
            if not await self._keep_reply(tx, id_, owner, reply):
                raise _in_progress()  # outlived its reservation, and another took over: undo everything
        return reply

    async def _run_outside(self, id_: str, owner: str, handler: Callable[[], Awaitable[Reply]]) -> Reply:
        reply = _whole(await handler())
        async with self._database.transaction() as tx:
            await self._keep_reply(tx, id_, owner, reply)
        return reply

    async def _keep_reply(self, tx: Transaction, id_: str, owner: str, reply: Reply) -> int:
        return await tx.execute(
            "UPDATE idempotent_replies SET reply = ?, expires_at = ? WHERE id = ? AND owner = ?",
            self._cipher.encrypt(_dump(reply)),
            clock.now() + self._keep,
            id_,
            owner,
        )

    async def _release(self, id_: str, owner: str) -> None:
        async with self._database.transaction() as tx:
            await tx.execute("DELETE FROM idempotent_replies WHERE id = ? AND owner = ?", id_, owner)

    def _replay(self, stored: str) -> Reply:
        status, headers, content_type, body = json.loads(self._cipher.decrypt(stored))
        return Reply(body.encode(), status, {**headers, **REPLAYED}, content_type)


def scope_of(call: Call, method: str, path: str) -> str:
    """Return what a key of this caller, method and path is kept under.

    Raises:
        ValidationFailed: The key is empty, too long or not printable ASCII.
    """
    key = call.headers["idempotency-key"]
    if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        raise ValidationFailed({"Idempotency-Key": [f"must be 1 to {MAX_KEY} printable ASCII characters"]})
    caller = call.caller
    parts = [caller.account_id, caller.user_id, method, path, key]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def repeat_id(call: Call, method: str, path: str) -> str:
    """Return a UUID for what is asked of a provider: the same for every repetition of a request with a key."""
    keyed = "idempotency-key" in call.headers
    return str(uuid.UUID(hex=scope_of(call, method, path)[:32]) if keyed else uuid.uuid4())


def _whole(reply: Reply) -> Reply:
    return Reply(encode(reply.body), reply.status, reply.headers, reply.content_type)


def _dump(reply: Reply) -> str:
    body = reply.body.decode() if isinstance(reply.body, bytes) else ""
    return json.dumps([reply.status, dict(reply.headers), reply.content_type, body])


def _in_progress() -> Conflict:
    return Conflict("The first request with this Idempotency-Key is still running", code="IN_PROGRESS")

"""Tells this process which credentials ended: at once when it ended them itself, soon when another did."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from rallypoint.storage import clock
from rallypoint.storage.database import Database, Transaction

_OVERLAP = 30 * clock.SECOND
_log = structlog.get_logger(__name__)


class Revocations:
    """The one place through which credentials end.

    Args:
        database: Where other processes leave theirs.

    Attributes:
        spread: Tells other processes of what this one has revoked, where there is a faster way than the database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.spread: Callable[[Iterable[str]], None] = lambda _ids: None
        self._callbacks: list[Callable[[str], None]] = []
        self._told: dict[str, int] = {}
        self._since = clock.now()

    def subscribe(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(credential_id)`` for every credential that ends."""
        self._callbacks.append(callback)

    def after_commit(self, tx: Transaction, ids: Iterable[str]) -> None:
        """Tell once ``tx``, which revokes ``ids``, is committed."""
        known = tuple(ids)

        def committed() -> None:
            self.tell(known)
            self.spread(known)

        tx.after_commit(committed)

    async def poll(self) -> None:
        """Tell what other processes have revoked since the last call; clocks may differ by half a minute."""
        started = clock.now()
        since = self._since - _OVERLAP
        rows = await self._database.fetch(
            "SELECT id FROM sessions WHERE revoked_at > ?"
            " UNION ALL SELECT id FROM api_keys WHERE revoked_at > ?",
            since,
            since,
        )
        self.tell(row["id"] for row in rows if row["id"] not in self._told)
        self._since = started
        self._told = {key: at for key, at in self._told.items() if at > started - 3 * _OVERLAP}

    def tell(self, ids: Iterable[str]) -> None:
        """Tell everyone in this process that credentials have ended in the database."""
        at = clock.now()
        for credential_id in ids:
            self._told[credential_id] = at
            for callback in self._callbacks:
                try:
                    callback(credential_id)
                except Exception:
                    _log.exception("a revocation was not heard by everyone")

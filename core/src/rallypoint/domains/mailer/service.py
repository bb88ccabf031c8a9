"""The queue's way in: messages are written in the transaction of the change they tell of."""

from __future__ import annotations

from functools import partial

from rallypoint.domains.mailer import records
from rallypoint.domains.mailer.api import Email
from rallypoint.domains.mailer.checks import MAX_KEY, MAX_LANE, checked
from rallypoint.domains.mailer.sealing import Sealer
from rallypoint.domains.mailer.settings import MailerSettings
from rallypoint.identity.api import Mode
from rallypoint.jobs.api import Jobs
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.storage.ids import new_id

DRAIN = "mailer.drain"


class MailService:
    """Fulfils :class:`rallypoint.domains.mailer.api.Mailer`.

    Args:
        database: Where the queue is.
        jobs: Wakes the drain.
        sealer: Encrypts messages.
        settings: Say when a message is given up.
    """

    def __init__(self, database: Database, jobs: Jobs, sealer: Sealer, settings: MailerSettings) -> None:
        self._database, self._jobs, self._sealer, self._settings = database, jobs, sealer, settings

    def check(self, email: Email) -> None:
        """Refuse what :meth:`send` would refuse.

        Raises:
            ValidationFailed: Says which field is wrong and why.
        """
        checked(email)

    async def send(
        self, *, account_id: str, mode: Mode, key: str, email: Email, lane: str = "", delay: float = 0.0
    ) -> str:
        """Put a message into the queue, in the transaction under way, and return its id.

        Raises:
            ValidationFailed: An address, a header or a size is not acceptable.
            ValueError: The key or lane is too long.
        """
        if not 0 < len(key) <= MAX_KEY or len(lane) > MAX_LANE:
            raise ValueError(f"a key has 1 to {MAX_KEY} characters, a lane at most {MAX_LANE}")
        email, id_, at = checked(email), new_id(), clock.now()
        leaves = at + round(delay * 1000)
        columns = {
            "id": id_,
            "account_id": account_id,
            "mode": mode,
            "message_key": key,
            "lane": f"{account_id}/{mode}/{lane}" if lane else id_,
            "state": "queued" if mode == "live" else "recorded",
            "attempts": 0,
            "not_before": leaves,
            "expires_at": at + round(self._settings.give_up_after * 1000),
            "envelope": self._sealer.envelope(email, email.recipients),
            "content": self._sealer.content(email),
            "error": "",
            "created_at": at,
            "finished_at": None if mode == "live" else at,
        }
        async with self._database.transaction() as tx:
            made = await records.insert(tx, columns)
            if made is None:
                return await records.by_key(tx, account_id, mode, key)
            tx.after_commit(partial(self._jobs.wake_at, leaves, DRAIN))
        return made

    async def withdraw(self, *, account_id: str, mode: Mode, key: str) -> bool:
        """Take a message back, in the transaction under way, unless it may have left."""
        async with self._database.transaction() as tx:
            return await records.withdraw(tx, account_id, mode, key)

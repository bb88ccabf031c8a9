"""Looks at mailboxes and raises ``email.received``: each message once, also after a look that broke off.

https://developers.google.com/workspace/gmail/api/guides/sync
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rallypoint.sdk import Connection, Draft, PluginContext
from rallypoint_google.gmail import client as gmail
from rallypoint_google.gmail.mail import read
from rallypoint_google.gmail.records import Mailbox, Records
from rallypoint_google.gmail.schemas import EmailData, EmailReceived
from rallypoint_google.mapping import UNREADABLE, moment
from rallypoint_google.settings import settings_of

RECEIVED = "email.received"
_BATCH = 10
_OVERLAP_SECONDS = 86_400


class MailSync:
    """Looks at mailboxes, each by itself.

    Args:
        ctx: The plugin's view of the core.
    """

    def __init__(self, ctx: PluginContext) -> None:
        self._ctx = ctx
        self._records = Records(ctx)
        self._skipped = frozenset(settings_of(ctx).gmail_skip_labels)

    async def run(self, connection: Connection | None) -> None:
        """Tell of what arrived since the last look; the first look only notes where the present is."""
        if connection is None:
            raise TypeError("mail is read for a connection")
        if connection.mode != "live":
            return
        known = await self._records.get(connection)
        if known is None or known.external_id != connection.external_id:
            await self._records.begin(connection, await gmail.present(connection.client))
            return
        await self._look(connection, known)

    async def forget(self, connection_id: str) -> None:
        """Delete what is kept of a connection that was removed."""
        await self._records.forget(connection_id)

    async def _look(self, connection: Connection, known: Mailbox) -> None:
        since = known.history_id
        while True:
            look = await gmail.history(connection.client, since)
            if look is None:
                await self._look_at_all(connection, known)
                return
            wanted = [one.id for one in look.added if not one.labels & self._skipped]
            await self._take(connection, wanted)
            if look.history_id != since or not look.more:
                await self._records.move(connection, look.history_id, done=not look.more)
            if not look.more:
                return
            since = look.history_id

    async def _look_at_all(self, connection: Connection, known: Mailbox) -> None:
        """Gmail forgot where we were: search for what arrived since, a day more than that."""
        self._ctx.log.info("the mailbox is read anew", connection=connection.id)
        now = await gmail.present(connection.client)
        query, page = f"after:{known.looked_at // 1000 - _OVERLAP_SECONDS}", ""
        while True:
            found, page = await gmail.search(connection.client, query, page)
            await self._take(connection, found)
            if not page:
                break
        await self._records.move(connection, now, done=True)

    async def _take(self, connection: Connection, message_ids: Sequence[str]) -> None:
        fresh = await self._records.untold(connection, message_ids)
        for at in range(0, len(fresh), _BATCH):
            mails = [await self._read(connection, one) for one in fresh[at : at + _BATCH]]
            async with self._ctx.kernel.database.transaction():
                for mail in mails:
                    if mail is not None:
                        await self._tell(connection, mail)

    async def _read(self, connection: Connection, message_id: str) -> EmailData | None:
        whole = await gmail.message(connection.client, message_id)
        if whole is None or self._skipped & set(whole.get("labelIds") or ()):
            return None
        try:
            return read(whole, connection.email)
        except UNREADABLE:  # one odd message must not hold up the others
            self._ctx.log.warning("a message that cannot be read", connection=connection.id)
            return None

    async def _tell(self, connection: Connection, mail: EmailData) -> None:
        seq = await self._records.tell(connection, mail.id)
        if seq is None:
            return
        payload = EmailReceived(timestamp=moment(time.time_ns() // 1_000_000), data=mail)
        async with self._ctx.kernel.database.transaction() as tx:
            await self._ctx.kernel.outbox.add(
                tx,
                Draft(
                    type=RECEIVED,
                    account_id=connection.account_id,
                    mode=connection.mode,
                    subject=f"mailbox:{connection.id}",
                    seq=seq,
                    topics=[f"user:{connection.user_id}"],
                    payload=payload.model_dump(by_alias=True),
                ),
            )

"""One try to hand a message to the transport, and what its end means."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

import structlog

from rallypoint.domains.mailer import mime
from rallypoint.domains.mailer.api import Handover, MailTransport, OutgoingMail, TransportAway
from rallypoint.domains.mailer.sealing import Sealer
from rallypoint.domains.mailer.wording import discreet
from rallypoint.errors import BadConfig, NeedsReauth, PermanentFailure, RetryLater
from rallypoint.plugins.failures import describe
from rallypoint.security.vault import VaultError
from rallypoint.storage.database import Row

Kind = Literal["sent", "later", "away", "failed"]
_log = structlog.stdlib.get_logger("rallypoint.mailer")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try.

    Args:
        kind: ``later`` is about the message, ``away`` about the transport.
        detail: For the timeline; without addresses.
        after: Seconds that the provider asked to wait.
        envelope: Of a message that reached some of its recipients: who is left.
        answered: Whether the transport works, as this showed.
    """

    kind: Kind
    detail: str
    after: float | None = None
    envelope: str = ""
    answered: bool = False


class Attempt:
    """Hands messages over.

    Args:
        transport: Takes them.
        sealer: Reads them.
        timeout: Seconds for each.
    """

    def __init__(self, transport: MailTransport, sealer: Sealer, timeout: float) -> None:
        self._transport, self._sealer, self._timeout = transport, sealer, timeout

    async def make(self, row: Row) -> Outcome:
        """Try to send the message of a row; nothing but cancellation is raised."""
        try:
            mail = self._read(row)
        except VaultError as error:
            return Outcome("failed", str(error))
        try:
            async with asyncio.timeout(self._timeout):
                handover = await self._transport.send(mail)
        except Exception as error:
            return _trouble(error)
        return self._judge(mail, handover)

    def _read(self, row: Row) -> OutgoingMail:
        email, left = self._sealer.open(row["envelope"], row["content"])
        sender = self._transport.sender
        return OutgoingMail(
            id=row["id"],
            message_id=mime.message_id(row["id"], sender),
            sender=sender,
            email=email,
            mime=mime.render(email, sender=sender, id_=row["id"], at=row["created_at"]),
            recipients=left,
        )

    def _judge(self, mail: OutgoingMail, handover: Handover) -> Outcome:
        tried, detail = len(mail.recipients), handover.reference
        if handover.refused:
            detail = f"{len(handover.refused)} of {tried} recipients are refused; {detail}".rstrip("; ")
        if handover.later:
            envelope = self._sealer.envelope(mail.email, handover.later)
            said = f"{len(handover.later)} of {tried} recipients are to be tried again; {detail}".rstrip("; ")
            return Outcome("later", discreet(said), envelope=envelope, answered=True)
        reached = tried > len(handover.refused)
        return Outcome("sent" if reached else "failed", discreet(detail), answered=True)


def _trouble(error: Exception) -> Outcome:
    said = discreet(str(error))
    if isinstance(error, TimeoutError):
        return Outcome("away", "the transport took too long")
    if isinstance(error, TransportAway):
        return Outcome("away", said, error.after)
    if isinstance(error, BadConfig | NeedsReauth):
        return Outcome("away", said)
    if isinstance(error, RetryLater):
        return Outcome("later", said, error.after, answered=True)
    if isinstance(error, PermanentFailure):
        return Outcome("failed", said, answered=True)
    _log.error("a mail transport failed", error=discreet(describe(error)))
    return Outcome("later", f"the transport failed: {type(error).__name__}")

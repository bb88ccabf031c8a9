"""All that others see of the mailer: how to send a message, and what a transport has to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from rallypoint.errors import RetryLater
from rallypoint.identity.api import Mode

MailState = Literal["queued", "sent", "failed", "withdrawn", "recorded"]


@dataclass(frozen=True, slots=True)
class Email:
    """A message; addresses are bare (``ada@example.com``), texts are not escaped but for ``html``.

    Args:
        to: Recipients; at least one.
        subject: One line.
        text: The plain form, which every message has.
        html: The rich form of the same.
        cc: Further recipients.
        reply_to: Where answers go; the sender when empty.
        calendar: An iCalendar object (RFC 5545), sent as an alternative that mail programs show as an
            invitation, and as the file ``invite.ics``.
        calendar_method: Its iTIP method, such as ``REQUEST`` (RFC 5546); wanted with ``calendar``.
    """

    to: tuple[str, ...]
    subject: str
    text: str
    html: str = ""
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    calendar: bytes = b""
    calendar_method: str = ""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody it goes to, each once."""
        return tuple(dict.fromkeys((*self.to, *self.cc)))


class Mailer(Protocol):
    """Sends messages; found with ``ctx.service(Mailer)``."""

    async def send(
        self, *, account_id: str, mode: Mode, key: str, email: Email, lane: str = "", delay: float = 0.0
    ) -> str:
        """Put a message into the queue, in the transaction under way, and return its id (UUIDv7).

        It is sent after the commit, at least once, tried again for three days while the transport is away. In
        the sandbox it is recorded and not sent.

        Args:
            account_id: Whose message it is.
            mode: Live or sandbox.
            key: Unique in the account: a second message with it is not made, the first one's id is returned.
            email: What to send.
            lane: Messages of one lane leave in the order in which they were put in.
            delay: Seconds that it may still be withdrawn.

        Raises:
            ValidationFailed: An address, a header or a size is not acceptable.
        """
        ...

    async def withdraw(self, *, account_id: str, mode: Mode, key: str) -> bool:
        """Take a message back, in the transaction under way, unless it may have left.

        Returns:
            Whether nobody has received it or ever will; False also when there is none with the key.
        """
        ...

    def check(self, email: Email) -> None:
        """Refuse what :meth:`send` would refuse, without sending anything.

        Raises:
            ValidationFailed: Says which field is wrong and why.
        """
        ...


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """A message as a transport is handed it.

    Args:
        id: UUIDv7, the same at every try: a transport whose provider drops repeats passes it on.
        message_id: The ``Message-ID`` header, the same at every try.
        sender: The ``From`` header.
        email: Its parts, for providers that take them one by one.
        mime: All of it, headers and ``CRLF`` line ends included (RFC 5322).
        recipients: Who is still to be reached: all of them, or at a later try those whom the transport could
            not reach at the first.
    """

    id: str
    message_id: str
    sender: str
    email: Email
    mime: bytes
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handover:
    """What came of handing a message over; whoever is in neither list has it.

    Args:
        reference: The provider's own id of the message, or what it said; shown in the message's timeline.
        later: Recipients to be tried again.
        refused: Recipients who can never be reached.
    """

    reference: str = ""
    later: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class TransportAway(RetryLater):
    """The transport takes no message at all at present: the whole queue waits, and one message is tried first."""


@dataclass(frozen=True, slots=True)
class MailTransport:
    """A way out for messages.

    Args:
        name: Unique on the server.
        sender: The ``From`` header of everything it sends: ``Name <address>`` or an address.
        send: Hands one message over. Raises ``TransportAway`` (nobody can be reached), ``RetryLater`` (this
            message not now), ``PermanentFailure`` (this message never), ``BadConfig`` (the credential or the
            sender is refused).
    """

    name: str
    sender: str
    send: Callable[[OutgoingMail], Awaitable[Handover]]

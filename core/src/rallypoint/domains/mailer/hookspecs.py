"""What plugins may add to the mailer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rallypoint.domains.mailer.api import Handover, MailTransport, OutgoingMail
from rallypoint.plugins.hookspecs import hookspec

if TYPE_CHECKING:
    from rallypoint.plugins.context import PluginContext

__all__ = ["Handover", "MailTransport", "OutgoingMail", "register_mail_transports"]


@hookspec
def register_mail_transports(ctx: PluginContext) -> Sequence[MailTransport]:
    """Return the ways by which this plugin sends mail; the first of all plugins is used unless one is named.

    since: 0.1

    Example:
        >>> async def send(mail: OutgoingMail) -> Handover:
        ...     ctx.log.info("sent", id=mail.id)
        ...     return Handover()
        >>> @hookimpl
        ... def register_mail_transports(ctx) -> Sequence[MailTransport]:
        ...     return [MailTransport("acme", "Acme <hello@example.com>", send)]
    """
    raise NotImplementedError

"""The ways out, one module each; the operator chooses one."""

from __future__ import annotations

from rallypoint.domains.mailer.api import MailTransport
from rallypoint.sdk import PluginContext
from rallypoint_mail.sender import sender_of
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.transports.mailgun import Mailgun
from rallypoint_mail.transports.sendgrid import SendGrid
from rallypoint_mail.transports.ses import Ses
from rallypoint_mail.transports.smtp import Smtp


def transport_of(ctx: PluginContext, settings: MailSettings) -> MailTransport:
    """Return the transport that the settings choose."""
    sender = sender_of(settings, ctx.public_url)
    if settings.service == "smtp":
        return MailTransport("smtp", sender, Smtp(settings, sender).send)
    connections = ctx.kernel.connections
    if settings.service == "sendgrid":
        return MailTransport("sendgrid", sender, SendGrid(connections, settings).send)
    if settings.service == "mailgun":
        return MailTransport("mailgun", sender, Mailgun(connections, settings).send)
    return MailTransport("ses", sender, Ses(connections, settings, sender).send)

"""Mailgun's MIME endpoint (https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages)."""

from __future__ import annotations

from base64 import b64encode

import aiohttp

from rallypoint.domains.mailer.api import Handover, OutgoingMail
from rallypoint.sdk import Client
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.transports.clients import Clients
from rallypoint_mail.transports.http import meaning


class Mailgun:
    """Hands messages to Mailgun as they are.

    Args:
        connections: Make clients.
        settings: ``mailgun_…``.
    """

    def __init__(self, connections: Clients, settings: MailSettings) -> None:
        credential = b64encode(f"api:{settings.mailgun_api_key.get_secret_value()}".encode()).decode()
        headers = {"Authorization": f"Basic {credential}"}
        self._client: Client = connections.client(settings.mailgun_url, headers, quota="mail/mailgun")
        self._path = f"/{settings.mailgun_domain}/messages.mime"

    async def send(self, mail: OutgoingMail) -> Handover:
        """Hand a message over to all its recipients, or to none."""
        data, content_type = await _form(mail)
        with meaning("Mailgun", "RALLYPOINT_MAIL_MAILGUN_API_KEY, _DOMAIN and _URL"):
            reply = await self._client.request("POST", self._path, data=data, content_type=content_type)
        said = reply.json if isinstance(reply.json, dict) else {}
        return Handover(str(said.get("id", "")))


async def _form(mail: OutgoingMail) -> tuple[bytes, str]:
    """Return the form and its type; the message has to be a file in it."""
    with aiohttp.MultipartWriter("form-data", boundary=f"form-{mail.id}") as form:
        fields = [("to", each) for each in mail.recipients]
        for name, value in [*fields, ("o:tracking", "no")]:
            form.append(value).set_content_disposition("form-data", name=name)
        part = form.append(mail.mime, {"Content-Type": "message/rfc822"})
        part.set_content_disposition("form-data", name="message", filename="message.eml")
    return await form.as_bytes(), form.content_type

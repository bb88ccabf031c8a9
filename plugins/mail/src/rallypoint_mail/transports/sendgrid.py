"""SendGrid's Mail Send (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from rallypoint.domains.mailer.api import Handover, OutgoingMail
from rallypoint.sdk import Client
from rallypoint_mail.sender import address_of, name_of
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.transports.clients import Clients
from rallypoint_mail.transports.http import meaning

_UNTRACKED = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
}


class SendGrid:
    """Hands messages to SendGrid, which takes their parts one by one.

    Args:
        connections: Make clients.
        settings: ``sendgrid_…``.
    """

    def __init__(self, connections: Clients, settings: MailSettings) -> None:
        key = settings.sendgrid_api_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}"}
        self._client: Client = connections.client(settings.sendgrid_url, headers, quota="mail/sendgrid")

    async def send(self, mail: OutgoingMail) -> Handover:
        """Hand a message over to all its recipients, or to none."""
        with meaning("SendGrid", "RALLYPOINT_MAIL_SENDGRID_API_KEY, RALLYPOINT_MAIL_FROM"):
            reply = await self._client.request("POST", "/mail/send", body=body_of(mail))
        return Handover(reply.headers.get("x-message-id", ""))


def body_of(mail: OutgoingMail) -> dict[str, Any]:
    """Return the request's body.

    An iCalendar object goes as a file: only there does SendGrid keep the method, which programs go by to show an
    invitation, and it refuses any further parameter of the type.
    """
    email = mail.email
    content = [{"type": "text/plain", "value": email.text or " "}]
    if email.html:
        content.append({"type": "text/html", "value": email.html})
    body: dict[str, Any] = {
        "personalizations": [_recipients(mail)],
        "from": _person(mail.sender),
        "subject": email.subject,
        "content": content,
        "headers": {"Message-ID": mail.message_id, "Auto-Submitted": "auto-generated"},
        "tracking_settings": _UNTRACKED,
    }
    if email.reply_to:
        body["reply_to"] = {"email": email.reply_to}
    if email.calendar:
        body["attachments"] = [_invitation(email.calendar, email.calendar_method)]
    return body


def _recipients(mail: OutgoingMail) -> dict[str, Any]:
    """Return who is to be reached; it wants somebody under ``to`` and nobody twice."""
    to = [each for each in mail.email.to if each in mail.recipients]
    cc = [each for each in mail.recipients if each not in to]
    if not to:
        to, cc = cc, []
    people: dict[str, Any] = {"to": [{"email": each} for each in to]}
    if cc:
        people["cc"] = [{"email": each} for each in cc]
    return people


def _person(sender: str) -> dict[str, str]:
    named = {"name": name_of(sender)} if name_of(sender) else {}
    return {"email": address_of(sender), **named}


def _invitation(calendar: bytes, method: str) -> dict[str, str]:
    return {
        "content": b64encode(calendar).decode(),
        "type": f"text/calendar;method={method}",
        "filename": "invite.ics",
        "disposition": "attachment",
    }

"""Amazon SES, API v2: SendEmail (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html)."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime

from rallypoint.domains.mailer.api import Handover, OutgoingMail, TransportAway
from rallypoint.sdk import BadConfig, Client, PermanentFailure
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.sigv4 import Credential, signed_headers
from rallypoint_mail.transports.clients import Clients
from rallypoint_mail.transports.http import meaning

PATH = "/v2/email/outbound-emails"
_JSON = "application/json"
_SETTINGS = "RALLYPOINT_MAIL_SES_ACCESS_KEY_ID, _SECRET_ACCESS_KEY and _REGION"
_ACCOUNT = frozenset({"AccountSuspendedException", "SendingPausedException"})
_SENDER = frozenset({"MailFromDomainNotVerifiedException", "NotFoundException"})
_BUSY = frozenset({"LimitExceededException", "TooManyRequestsException"})


class Ses:
    """Hands messages to Amazon SES as they are.

    Args:
        connections: Make clients.
        settings: ``ses_…``.
        sender: The ``From`` header.
    """

    def __init__(self, connections: Clients, settings: MailSettings, sender: str) -> None:
        self._url = settings.ses_url or f"https://email.{settings.ses_region}.amazonaws.com"
        self._client: Client = connections.client(self._url, {}, quota="mail/ses")
        self._credential = Credential(
            settings.ses_access_key_id,
            settings.ses_secret_access_key.get_secret_value(),
            settings.ses_session_token.get_secret_value(),
        )
        self._region, self._sender = settings.ses_region, sender

    async def send(self, mail: OutgoingMail) -> Handover:
        """Hand a message over to all its recipients, or to none."""
        body = {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": list(mail.recipients)},
            "Content": {"Raw": {"Data": b64encode(mail.mime).decode()}},
        }
        data = json.dumps(body).encode()
        headers = signed_headers(
            self._credential,
            method="POST",
            url=self._url.rstrip("/") + PATH,
            body=data,
            headers={"content-type": _JSON},
            region=self._region,
            service="ses",
            at=datetime.now(UTC),
        )
        try:
            with meaning("Amazon SES", _SETTINGS):
                reply = await self._client.request(
                    "POST", PATH, data=data, content_type=_JSON, headers=headers
                )
        except PermanentFailure as error:
            raise _judged(error) from error
        said = reply.json if isinstance(reply.json, dict) else {}
        return Handover(str(said.get("MessageId", "")))


def _judged(error: PermanentFailure) -> Exception:
    """Tell refusals of a message, all of them 400, from those of the account, the sender and the moment."""
    if error.reason_code in _BUSY | _ACCOUNT:
        return TransportAway(f"{error} ({error.reason_code})")
    if error.reason_code in _SENDER:
        return BadConfig(f"{error} ({error.reason_code}); look at RALLYPOINT_MAIL_FROM")
    return error

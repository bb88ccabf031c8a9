"""Stand-ins for the providers: strict about what they accept, as their documents are, and able to fail on demand.

SendGrid: https://www.twilio.com/docs/sendgrid/api-reference/mail-send (errors included). Mailgun:
https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages. Amazon SES:
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html, with signatures checked.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import default
from typing import Any

from aiohttp import web

from rallypoint.testing.fakes import ProviderFake
from rallypoint_mail.sigv4 import Credential, signed_headers

SENDER = "desk@example.org"
"""The one sender that each of them has verified."""
_RESERVED = {
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
}
_SENDGRID_KEYS = {
    *("personalizations", "from", "reply_to", "subject", "content", "attachments", "headers"),
    "tracking_settings",
}
_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a provider took.

    Args:
        recipients: To whom it goes.
        message: As given, for those that take it whole.
        body: The request's, for those that take parts.
    """

    recipients: tuple[str, ...]
    message: EmailMessage | None = None
    body: Mapping[str, Any] | None = None


class SendGridFake(ProviderFake):
    """SendGrid with one key and one verified sender."""

    key = "SG.fake"

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []

    def routes(self) -> Iterable[web.RouteDef]:
        """Serve Mail Send."""
        return [web.post("/v3/mail/send", self._send)]

    async def _send(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return _errors(401, "The provided authorization grant is invalid, expired, or revoked")
        body = await request.json()
        if problem := _sendgrid_problem(body):
            return _errors(400, problem)
        if body["from"]["email"] != SENDER:
            return _errors(403, "The from address does not match a verified Sender Identity")
        people = body["personalizations"][0]
        recipients = tuple(one["email"] for name in ("to", "cc") for one in people.get(name, ()))
        self.sent.append(Sent(recipients, body=body))
        return web.Response(status=202, headers={"X-Message-Id": f"sg-{len(self.sent)}"})


def _sendgrid_problem(body: Mapping[str, Any]) -> str:
    """Return what Mail Send would say against a body; empty when it would take it."""
    if unknown := body.keys() - _SENDGRID_KEYS:
        return f"Unexpected parameters: {', '.join(sorted(unknown))}"
    people = body.get("personalizations") or [{}]
    everybody = [one["email"].lower() for name in ("to", "cc") for one in people[0].get(name, ())]
    types = [one["type"] for one in body.get("content", ())]
    checks = {
        "You must have at least one personalization": len(people) == 1,
        "The to array is required for all personalization objects": bool(people[0].get("to")),
        "Each email address should be unique between to, cc, and bcc": len(everybody) == len(set(everybody)),
        "The subject is required": bool(body.get("subject")),
        "The content value must be a string at least one character in length": bool(types)
        and all(one["value"] for one in body["content"]),
        "If present, text/plain and text/html may only be provided in that order": types
        in (["text/plain"], ["text/plain", "text/html"]),
        "The attachment type cannot contain ';', or CRLF characters": all(
            _plain_type(one["type"]) for one in body.get("attachments", ())
        ),
        "Reserved headers cannot be set": not {name.lower() for name in body.get("headers", {})} & _RESERVED,
    }
    return next((problem for problem, fine in checks.items() if not fine), "")


def _plain_type(kind: str) -> bool:
    """Tell whether an attachment's type is allowed: none has parameters, but for the method of a calendar."""
    name, _, parameters = kind.partition(";")
    method = parameters.strip().removeprefix("method=")
    return not parameters or (name == "text/calendar" and method.isalpha() and method != parameters.strip())


class MailgunFake(ProviderFake):
    """Mailgun with one key and one domain."""

    key, domain = "mg-fake", "mg.example.org"

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []

    def routes(self) -> Iterable[web.RouteDef]:
        """Serve the MIME endpoint."""
        return [web.post("/v3/{domain}/messages.mime", self._send)]

    async def _send(self, request: web.Request) -> web.Response:
        credential = base64.b64encode(f"api:{self.key}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {credential}":
            return web.Response(status=401, text="Forbidden")
        if request.match_info["domain"] != self.domain:
            return web.json_response({"message": "Domain not found"}, status=404)
        if request.content_type != "multipart/form-data":
            return web.json_response({"message": "Message is not a file"}, status=400)
        fields = _form(request.headers["Content-Type"], await request.read())
        recipients = tuple(value.get_content().strip() for name, value in fields if name == "to")
        files = [value for name, value in fields if name == "message" and value.get_filename()]
        if not recipients or not all("@" in each for each in recipients):
            return web.json_response({"message": "to parameter is not a valid address"}, status=400)
        if len(files) != 1:
            return web.json_response({"message": "message parameter is missing"}, status=400)
        self.sent.append(Sent(recipients, files[0].get_content()))
        return web.json_response({"id": f"<{len(self.sent)}@{self.domain}>", "message": "Queued. Thank you."})


class SesFake(ProviderFake):
    """Amazon SES with one access key and one verified sender."""

    credential = Credential("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    region = "eu-central-1"

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []

    def routes(self) -> Iterable[web.RouteDef]:
        """Serve SendEmail."""
        return [web.post("/v2/email/outbound-emails", self._send)]

    async def _send(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if not self._is_signed(request, raw):
            return _amazon(403, "InvalidSignatureException", "The request signature does not match")
        body = json.loads(raw)
        raw_message = body.get("Content", {}).get("Raw", {}).get("Data", "")
        recipients = tuple(body.get("Destination", {}).get("ToAddresses", ()))
        try:
            message = _parsed(base64.b64decode(raw_message, validate=True))
        except binascii.Error:
            return _amazon(400, "BadRequestException", "Raw data is not Base64")
        if not recipients or not message["From"]:
            return _amazon(400, "BadRequestException", "Missing required header 'From' or a destination")
        if message["From"].addresses[0].addr_spec != SENDER:
            return _amazon(400, "MessageRejected", "Email address is not verified")
        self.sent.append(Sent(recipients, message))
        return web.json_response({"MessageId": f"ses-{len(self.sent)}"})

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        given = request.headers.get("Authorization", "")
        signed = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        try:
            at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            received = {name: request.headers[name] for name in signed}
        except (KeyError, ValueError):
            return False
        if abs((datetime.now(UTC) - at).total_seconds()) > _MINUTES * 60:
            return False
        rest = {name: value for name, value in received.items() if name not in ("host", "x-amz-date")}
        right = signed_headers(
            self.credential,
            method=request.method,
            url=f"http://{request.headers['Host']}{request.path}",
            body=body,
            headers=rest,
            region=self.region,
            service="ses",
            at=at,
        )
        return hmac.compare_digest(right["authorization"], given)


def _form(content_type: str, body: bytes) -> list[tuple[str, MIMEPart]]:
    """Return a form's fields; aiohttp's own reader wants the body that was read already."""
    form = _parsed(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    return [(str(part.get_param("name", header="content-disposition")), part) for part in form.iter_parts()]


def _parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def _errors(status: int, message: str) -> web.Response:
    return web.json_response({"errors": [{"message": message, "field": None, "help": None}]}, status=status)


def _amazon(status: int, kind: str, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status, headers={"x-amzn-ErrorType": kind})

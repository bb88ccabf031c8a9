"""SendGrid, Mailgun and Amazon SES: strict stand-ins, and the providers' own documents for the bodies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from plugins.mail.tests.conftest import outgoing

from rallypoint.connections.http import HttpOptions, ProviderHttp
from rallypoint.connections.operators import OperatorClients
from rallypoint.domains.mailer.api import TransportAway
from rallypoint.sdk import BadConfig, PermanentFailure
from rallypoint_mail.fake import MailgunFake, SendGridFake, SesFake
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.transports.mailgun import Mailgun
from rallypoint_mail.transports.sendgrid import SendGrid
from rallypoint_mail.transports.ses import Ses

SENDER = "Rallypoint Desk <desk@example.org>"
CALENDAR = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
INVITATION: dict[str, Any] = {"html": "<p>Hello</p>", "calendar": CALENDAR, "calendar_method": "REQUEST"}
BOTH: dict[str, Any] = {"to": ("ada@example.com",), "cc": ("bob@example.com",), "reply_to": "mia@example.com"}

Fake = SendGridFake | MailgunFake | SesFake


class Provider:
    """A stand-in and the transport that is pointed at it."""

    def __init__(self, fake: Fake, clients: OperatorClients) -> None:
        self.fake, self.clients = fake, clients

    def transport(self, sender: str = SENDER, **settings: Any) -> Any:
        own = MailSettings(_env_file=None, **{**self.settings(), **settings})
        if isinstance(self.fake, SendGridFake):
            return SendGrid(self.clients, own)
        return (
            Mailgun(self.clients, own)
            if isinstance(self.fake, MailgunFake)
            else Ses(self.clients, own, sender)
        )

    def settings(self) -> dict[str, Any]:
        fake = self.fake
        if isinstance(fake, SendGridFake):
            return {"sendgrid_api_key": fake.key, "sendgrid_url": f"{fake.url}/v3"}
        if isinstance(fake, MailgunFake):
            domain = {"mailgun_api_key": fake.key, "mailgun_domain": fake.domain}
            return {**domain, "mailgun_url": f"{fake.url}/v3"}
        return {
            "ses_access_key_id": fake.credential.access_key_id,
            "ses_secret_access_key": fake.credential.secret_access_key,
            "ses_region": fake.region,
            "ses_url": fake.url,
        }


@pytest_asyncio.fixture(params=[SendGridFake, MailgunFake, SesFake], ids=["sendgrid", "mailgun", "ses"])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    http = ProviderHttp(HttpOptions(timeout=2))
    await http.open()
    async with request.param() as fake:
        yield Provider(fake, OperatorClients(http))
    await http.close()


async def test_an_invitation_reaches_everybody(provider: Provider) -> None:
    handover = await provider.transport().send(outgoing(**BOTH, **INVITATION))
    (sent,) = provider.fake.sent
    assert sent.recipients == ("ada@example.com", "bob@example.com")
    assert handover.later == handover.refused == ()
    assert handover.reference
    if sent.message is not None:
        kinds = [part.get_content_type() for part in sent.message.walk() if not part.is_multipart()]
        assert kinds == ["text/plain", "text/html", "text/calendar", "application/ics"]
        assert (sent.message["To"], sent.message["Cc"]) == ("ada@example.com", "bob@example.com")


async def test_those_who_are_left_are_reached_alone(provider: Provider) -> None:
    mail = outgoing(**BOTH)
    left = type(mail)(mail.id, mail.message_id, mail.sender, mail.email, mail.mime, ("bob@example.com",))
    await provider.transport().send(left)
    assert provider.fake.sent[0].recipients == ("bob@example.com",)


async def test_a_plain_message_without_a_text_is_taken(provider: Provider) -> None:
    await provider.transport().send(outgoing(text="", html=""))
    assert len(provider.fake.sent) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, TransportAway),
        ({"status": 503}, TransportAway),
        ({"status": 429, "headers": {"Retry-After": "7"}}, TransportAway),
        ({"cut": True}, TransportAway),
        ({"status": 401, "body": "Forbidden"}, BadConfig),
        ({"status": 403, "body": "{}"}, BadConfig),
        ({"status": 400, "body": '{"message": "nonsense bob@example.com"}'}, PermanentFailure),
        ({"status": 413}, PermanentFailure),
    ],
)
async def test_what_trouble_means(provider: Provider, fault: dict[str, Any], error: type[Exception]) -> None:
    provider.fake.fail(**fault)
    with pytest.raises(error) as raised:
        await provider.transport().send(outgoing())
    assert type(raised.value) is error
    if fault.get("status") == 429:
        assert 6 <= raised.value.after <= 7


async def test_nothing_is_sent_to_a_provider_that_is_not_there(provider: Provider) -> None:
    transport = provider.transport()
    await provider.fake.stop()
    with pytest.raises(TransportAway):
        await transport.send(outgoing())


@pytest.mark.parametrize("provider", [SendGridFake], indirect=True)
async def test_sendgrid_refuses_what_its_documents_say(provider: Provider) -> None:
    with pytest.raises(BadConfig, match=r"Sender Identity.*RALLYPOINT_MAIL_FROM"):
        await provider.transport().send(outgoing("other@example.org"))
    with pytest.raises(BadConfig, match="RALLYPOINT_MAIL_SENDGRID_API_KEY"):
        await provider.transport(sendgrid_api_key="wrong").send(outgoing())
    assert provider.fake.sent == []


@pytest.mark.parametrize("provider", [SendGridFake], indirect=True)
async def test_sendgrid_gets_the_calendar_s_method_and_is_asked_not_to_track(provider: Provider) -> None:
    await provider.transport().send(outgoing(**BOTH, **INVITATION))
    body = provider.fake.sent[0].body
    assert body["attachments"][0]["type"] == "text/calendar;method=REQUEST"
    assert body["from"] == {"email": "desk@example.org", "name": "Rallypoint Desk"}
    assert body["reply_to"] == {"email": "mia@example.com"}
    assert not body["tracking_settings"]["click_tracking"]["enable"]


@pytest.mark.parametrize("provider", [MailgunFake], indirect=True)
async def test_mailgun_refuses_a_wrong_key_or_domain(provider: Provider) -> None:
    for wrong in ({"mailgun_api_key": "wrong"}, {"mailgun_domain": "other.example.org"}):
        with pytest.raises(BadConfig, match="RALLYPOINT_MAIL_MAILGUN_API_KEY, _DOMAIN"):
            await provider.transport(**wrong).send(outgoing())


@pytest.mark.parametrize("provider", [SesFake], indirect=True)
async def test_ses_refuses_a_wrong_signature(provider: Provider) -> None:
    wrong: dict[str, Any]
    for wrong in ({"ses_secret_access_key": "wrong"}, {"ses_region": "us-east-1"}):
        with pytest.raises(BadConfig, match=r"signature does not match.*RALLYPOINT_MAIL_SES"):
            await provider.transport(**wrong).send(outgoing())


@pytest.mark.parametrize("provider", [SesFake], indirect=True)
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("AccountSuspendedException", TransportAway),
        ("SendingPausedException", TransportAway),
        ("LimitExceededException", TransportAway),
        ("MailFromDomainNotVerifiedException", BadConfig),
        ("MessageRejected", PermanentFailure),
        ("BadRequestException", PermanentFailure),
    ],
)
async def test_what_ses_means_by_a_bad_request(provider: Provider, kind: str, error: type[Exception]) -> None:
    provider.fake.fail(400, headers={"x-amzn-ErrorType": kind}, body='{"message": "no"}')
    with pytest.raises(error) as raised:
        await provider.transport().send(outgoing())
    assert type(raised.value) is error


@pytest.mark.parametrize("provider", [SendGridFake, SesFake], indirect=True)
async def test_a_body_is_as_the_provider_s_document_has_it(provider: Provider) -> None:
    name = "sendgrid" if isinstance(provider.fake, SendGridFake) else "sesv2"
    document = json.loads((Path(__file__).parent / "documents" / f"{name}.json").read_text())
    validator = jsonschema_rs.Draft202012Validator(closed(document["schema"]))
    for mail in (outgoing(), outgoing(**BOTH, **INVITATION), outgoing(text="")):
        await provider.transport().send(mail)
    bodies = [json.loads(request.body) for request in provider.fake.requests]
    assert len(bodies) == 3
    assert [str(error) for body in bodies for error in validator.iter_errors(body)] == []


def closed(schema: Any) -> Any:
    """Return a schema that refuses fields which the document does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        inner.setdefault("additionalProperties", False)
    return inner


def test_the_closed_documents_refuse_what_they_do_not_know() -> None:
    for name, body in (("sendgrid", {"personalisations": []}), ("sesv2", {"Content": {"Rau": {}}})):
        document = json.loads((Path(__file__).parent / "documents" / f"{name}.json").read_text())
        assert not jsonschema_rs.is_valid(closed(document["schema"]), body)

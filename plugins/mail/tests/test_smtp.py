"""SMTP against a real mail server: plain, STARTTLS, TLS from the start, signed in or not, and in trouble."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from plugins.mail.tests.conftest import SENDER, Mailbox, authenticator, outgoing

from rallypoint.domains.mailer.api import Handover, TransportAway
from rallypoint.sdk import BadConfig, PermanentFailure, RetryLater
from rallypoint.testing.process import free_port
from rallypoint_mail.settings import MailSettings
from rallypoint_mail.transports.smtp import Smtp


def smtp(port: int, **settings: Any) -> Smtp:
    own = MailSettings(
        _env_file=None, smtp_host=settings.pop("host", "127.0.0.1"), smtp_port=port, **settings
    )
    return Smtp(own, SENDER)


async def test_a_message_arrives_as_it_is(mailbox: Mailbox) -> None:
    mail = outgoing(to=("ada@example.com",), cc=("bob@example.com",), html="<p>Grüße</p>")
    assert await smtp(mailbox.port).send(mail) == Handover("2.0.0 Ok: queued as 4F1")
    (got,) = mailbox.received
    assert (got.sender, got.recipients) == ("desk@example.org", ["ada@example.com", "bob@example.com"])
    assert got.message["Message-ID"] == mail.message_id
    assert (got.message["Subject"], got.text, got.html) == ("Grüße", "Hello\n", "<p>Grüße</p>\n")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server does not know that it speaks TLS already
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_over_tls_with_a_password(security: str, server_tls: ssl.SSLContext, certificate: Path) -> None:
    box = Mailbox()
    how = {"tls_context": server_tls} if security == "starttls" else {"ssl_context": server_tls}
    with_password = {"authenticator": authenticator, "auth_required": True}
    box.start(**how, **with_password, **({} if security == "starttls" else {"auth_require_tls": False}))
    settings = {"smtp_security": security, "smtp_ca_file": str(certificate)}
    try:
        login = {"smtp_username": "ada", "smtp_password": "s3cret"}
        assert await smtp(box.port, **settings, **login).send(outgoing())
        assert len(box.received) == 1
        with pytest.raises(BadConfig, match="RALLYPOINT_MAIL_SMTP_USERNAME"):
            await smtp(box.port, **settings, smtp_username="ada", smtp_password="wrong").send(outgoing())
        with pytest.raises(BadConfig, match="certificate"):
            await smtp(box.port, smtp_security=security, **login).send(outgoing())
    finally:
        box.stop()


async def test_a_server_without_starttls_gets_nothing_in_the_clear(mailbox: Mailbox) -> None:
    with pytest.raises(BadConfig, match="cannot do what the settings ask for"):
        await smtp(mailbox.port, smtp_security="starttls").send(outgoing())
    assert mailbox.received == []


async def test_a_password_never_goes_over_a_network_in_the_clear() -> None:
    with pytest.raises(BadConfig, match="would show the password"):
        await smtp(25, host="192.0.2.1", smtp_security="none", smtp_username="ada").send(outgoing())


@pytest.mark.parametrize(
    ("host", "port", "security", "expected"),
    [
        ("localhost", 0, "auto", ("none", 25)),
        ("127.0.0.1", 1025, "auto", ("none", 1025)),
        ("::1", 0, "auto", ("none", 25)),
        ("mail.example.com", 0, "auto", ("starttls", 587)),
        ("mail.example.com", 465, "auto", ("tls", 465)),
        ("mail.example.com", 0, "tls", ("tls", 465)),
        ("mailpit", 1025, "none", ("none", 1025)),
    ],
)
def test_what_auto_means(host: str, port: int, security: Any, expected: tuple[str, int]) -> None:
    made = smtp(port, host=host, smtp_security=security)
    assert (made._security, made._port) == expected


async def test_recipients_are_refused_one_by_one(mailbox: Mailbox) -> None:
    mailbox.refuse = {"bob@example.com": "450 4.2.0 Greylisted", "eve@example.com": "550 5.1.1 No such user"}
    mail = outgoing(to=("ada@example.com", "bob@example.com", "eve@example.com"))
    done = await smtp(mailbox.port).send(mail)
    assert (done.later, done.refused) == (("bob@example.com",), ("eve@example.com",))
    assert "Greylisted" in done.reference
    assert mailbox.received[0].recipients == ["ada@example.com"]

    mailbox.refuse["ada@example.com"] = "550 5.1.1 No such user"
    done = await smtp(mailbox.port).send(mail)
    assert (done.later, done.refused) == (("bob@example.com",), ("ada@example.com", "eve@example.com"))
    assert len(mailbox.received) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("452 4.3.1 Insufficient storage", RetryLater),
        ("554 5.7.1 Looks like spam", PermanentFailure),
        ("421 4.3.2 Shutting down", TransportAway),
    ],
)
async def test_what_a_refused_text_means(mailbox: Mailbox, answer: str, error: type[Exception]) -> None:
    mailbox.data = answer
    with pytest.raises(error) as raised:
        await smtp(mailbox.port).send(outgoing())
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.7.1 You are not allowed", BadConfig),
        ("451 4.3.0 Try again", TransportAway),
        ("552 5.3.4 Too large", PermanentFailure),
    ],
)
async def test_what_a_refused_sender_means(mailbox: Mailbox, answer: str, error: type[Exception]) -> None:
    mailbox.sender = answer
    with pytest.raises(error):
        await smtp(mailbox.port).send(outgoing())


async def test_a_server_that_is_away_or_no_mail_server() -> None:
    with pytest.raises(TransportAway, match="cannot be reached"):
        await smtp(free_port()).send(outgoing())

    async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    async with server:
        with pytest.raises(TransportAway):
            await smtp(server.sockets[0].getsockname()[1]).send(outgoing())

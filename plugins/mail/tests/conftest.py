"""A mail server for real (aiosmtpd), and a whole server of ours in process with the plugin in it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from rallypoint.app import App, build
from rallypoint.domains.booking.api import Appointments, AppointmentView, NewAppointment
from rallypoint.domains.mailer.api import Email, OutgoingMail
from rallypoint.settings import Settings
from rallypoint.storage.ids import new_id
from rallypoint.testing.process import free_port
from support.served import column, database_url, postgresql, sqlite

__all__ = ["column", "database_url", "postgresql", "sqlite"]

SENDER = "Rallypoint Desk <desk@example.org>"
ID = "0190a000-0000-7000-8000-0000000000aa"


@dataclass
class Received:
    """A message as the mail server took it."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def calendar(self) -> str:
        (part,) = [part for part in self.message.walk() if part.get_content_type() == "text/calendar"]
        return part.get_payload(decode=True).decode()

    @property
    def text(self) -> str:
        return self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")

    @property
    def html(self) -> str:
        return self.message.get_body(("html",)).get_content().replace("\r\n", "\n")


@dataclass
class Mailbox:
    """What the mail server took, and what it answers."""

    received: list[Received] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    data: str = "250 2.0.0 Ok: queued as 4F1"
    sender: str = ""
    port: int = 0
    controller: Controller | None = None

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: Any
    ) -> str:
        envelope.mail_from = address
        return self.sender or "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.data.startswith("2"):
            message = message_from_bytes(envelope.original_content, policy=default)
            self.received.append(Received(envelope.mail_from, list(envelope.rcpt_tos), message))
        return self.data

    def start(self, **options: Any) -> None:
        self.port = self.port or free_port()
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self.controller.start()

    def stop(self) -> None:
        controller, self.controller = self.controller, None
        if controller is not None:
            controller.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.start()
    yield box
    box.stop()


def authenticator(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    right = (data.login, data.password) == (b"ada", b"s3cret")
    return AuthResult(success=right, handled=False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, as one PEM file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def outgoing(sender: str = SENDER, to: tuple[str, ...] = ("ada@example.com",), **parts: Any) -> OutgoingMail:
    """Return a message as the queue hands it over."""
    from rallypoint.domains.mailer import mime
    from rallypoint.domains.mailer.checks import checked

    email = checked(Email(**{"to": to, "subject": "Grüße", "text": "Hello", **parts}))
    raw = mime.render(email, sender=sender, id_=ID, at=1_800_000_000_000)
    return OutgoingMail(ID, f"<{ID}@example.org>", sender, email, raw, email.recipients)


class World:
    """A server with booking, the mailer and the plugin, and an account that uses them."""

    def __init__(self, app: App, mailbox: Mailbox) -> None:
        self.app, self.house, self.mailbox = app, app.house, mailbox
        self.account, self.user, self.token = "", "", ""

    async def join(self, name: str = "Acme Clinic") -> None:
        from rallypoint.identity.accounts import Applicant

        email = f"{new_id()}@example.com"
        signed_in = await self.house.identity.accounts.register(
            Applicant(email=email, password="correct horse battery", company_name=name, full_name="Ada Owner")
        )
        row = await self.house.database.fetch_one("SELECT * FROM users WHERE email = ?", email)
        self.account, self.user, self.email = row["account_id"], row["id"], email
        self.token = signed_in.token

    @property
    def appointments(self) -> Appointments:
        return self.house.kernel.services.get(Appointments)

    async def book(self, **fields: Any) -> AppointmentView:
        new = NewAppointment(
            **{
                "start": 1_894_241_700_000,  # 2030-01-10 08:00 in Kathmandu
                "duration": 45,
                "practitioner_name": "Dr. Mia Tamang",
                "timezone": "Asia/Kathmandu",
                "customer_name": "Ben Carter",
                "customer_email": "ben@example.com",
                **fields,
            }
        )
        return await self.appointments.create(
            account_id=self.account, mode="live", user_id=self.user, new=new
        )

    async def change(self, view: AppointmentView, **fields: Any) -> AppointmentView:
        return await self.appointments.reschedule(
            account_id=self.account, mode="live", appointment_id=view.id, **fields
        )

    async def cancel(self, view: AppointmentView, reason: str = "") -> AppointmentView:
        return await self.appointments.cancel(
            account_id=self.account, mode="live", appointment_id=view.id, reason=reason
        )

    async def settled(self) -> None:
        """Wait until every event has been reacted to and every message has left."""

        async def open_work() -> int:
            row = await self.house.database.fetch_one(
                "SELECT (SELECT COUNT(*) FROM events WHERE fan_at IS NOT NULL)"
                " + (SELECT COUNT(*) FROM event_reactions WHERE next_at IS NOT NULL)"
                " + (SELECT COUNT(*) FROM mailer_messages WHERE state = 'queued') AS open"
            )
            return row["open"]

        async with asyncio.timeout(30):
            while await open_work():
                await asyncio.sleep(0.02)

    async def mail(self) -> list[Received]:
        await self.settled()
        return self.mailbox.received


Start = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def start(mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Start:
    """Opens a server in process with variables of the plugin: ``async with start(…) as world``."""

    @asynccontextmanager
    async def run(**env: str) -> AsyncIterator[World]:
        usual = {
            "FROM": SENDER,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(mailbox.port),
            "SETTLE_SECONDS": "0",
        }
        for name, value in {**usual, **env}.items():
            monkeypatch.setenv(f"RALLYPOINT_MAIL_{name}", value)
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path,
            database_url=database_url,
            serve_jobs=True,
            secret_key="x" * 40,
            plugins=("mail",),
            rate_limits=False,
            public_url="https://book.example.org",
        )
        app = build(settings)
        try:
            await app.opening.open()
            world = World(app, mailbox)
            await world.join()
            yield world
        finally:
            await app.opening.close()

    return run


@pytest_asyncio.fixture
async def world(start: Start) -> AsyncIterator[World]:
    async with start() as opened:
        yield opened

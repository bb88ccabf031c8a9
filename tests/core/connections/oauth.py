"""A service that users connect by consent, over real parts, for the tests of OAuth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import SecretStr
from tests.core.connections.conftest import ALICE, Pushed

from rallypoint.connections.api import Completed, Connection, Identity, Owner
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.service import Connections
from rallypoint.events.outbox import Outbox
from rallypoint.jobs.embedded import EmbeddedJobs
from rallypoint.plugins.contributions import OAuth2Connection
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.database import Database
from rallypoint.storage.leases import Leases
from rallypoint.testing.oauth import OAuthFake, consent, handed_back

SETTINGS = Settings(
    secret_key="x" * 32,
    public_url="https://rally.example",
    cors_origins=("https://app.example",),
    _env_file=None,
)


async def identify(connection: Connection) -> Identity:
    me = await connection.client.get_json("/me")
    return Identity(me["email"], me["email"], me["id"])


def oauth_service(fake: OAuthFake, service: str = "cal", **more: Any) -> OAuth2Connection:
    declared = OAuth2Connection(
        service=service,
        title="Cal",
        base_url=fake.url,
        authorize_url=f"{fake.url}/authorize",
        token_url=f"{fake.url}/token",
        client_id=fake.client_id,
        client_secret=SecretStr(fake.client_secret),
        scopes=("openid", "https://cal.example/auth/calendar"),
        identify=identify,
        revoke_url=f"{fake.url}/revoke",
        authorize_params={"access_type": "offline"},
    )
    return replace(declared, **more)


def process(database: Database, http: ProviderHttp, pushed: Pushed | None = None) -> Connections:
    """Return connections as a process of its own has them: with leases of its own."""
    outbox = Outbox(database, EmbeddedJobs(), pushed or Pushed())
    return Connections(database, Vault(SETTINGS), outbox, http, SETTINGS, Leases(database))


async def connect(
    connections: Connections, owner: Owner = ALICE, service: str = "cal", email: str = "alice@example.com"
) -> Completed:
    """Go the whole way: begin, consent, come back."""
    url = await connections.begin(owner, service)
    back = handed_back(await consent(url, email))
    return await connections.complete(back["state"], code=back["code"])


async def age(
    database: Database, connections: Connections, owner: Owner = ALICE, service: str = "cal"
) -> None:
    """Let a connection's access token be over, as after an hour."""
    row = await connections.row(owner, service)
    vault = Vault(SETTINGS)
    held = connections._declared.keeper.unseal(row)
    old = replace(held.tokens, expires_at=1)
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE connections SET credential = ?, expires_at = 1 WHERE id = ?",
            vault.encrypt(old.pack()),
            row["id"],
        )

"""The services that users may connect, and how a stored connection becomes one that is signed in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rallypoint.connections.api import Client, Connection, Owner
from rallypoint.connections.bearers import ConnectionBearer
from rallypoint.connections.client import ApiClient, BearerClient, SandboxClient
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.pace import Pace
from rallypoint.connections.refresh import Keeper
from rallypoint.connections.tokens import Endpoint, TokenEndpoint
from rallypoint.errors import BadRequest, NeedsReauth, NotFound
from rallypoint.plugins.contributions import AnyConnection, ApiKeyConnection, OAuth2Connection
from rallypoint.security.vault import Vault, VaultError
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.storage.leases import Leases
from rallypoint.storage.store import Store

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class KeyService:
    """A service with API keys, and the plugin whose it is."""

    plugin: str
    declared: ApiKeyConnection


@dataclass(frozen=True, slots=True)
class ConsentService:
    """A service with OAuth2.

    Args:
        plugin: Whose it is.
        declared: As the plugin said.
        endpoint: Of its tokens.
        pace: Of all its calls; None for no limit.
    """

    plugin: str
    declared: OAuth2Connection
    endpoint: TokenEndpoint
    pace: Pace | None


Service = KeyService | ConsentService


class Services:
    """Declared services, and connections to them.

    Args:
        database: Where the rows are.
        vault: Decrypts credentials.
        http: Calls providers.
        leases: Decide which process refreshes a token.
        refused: As the keeper takes it.
        mended: As the keeper takes it.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        http: ProviderHttp,
        leases: Leases,
        *,
        refused: Callable[[str, int, str], Awaitable[object]],
        mended: Callable[[Transaction, str], Awaitable[object]],
    ) -> None:
        self._database, self._vault, self._http = database, vault, http
        self._part = 1.0
        self.known: dict[str, Service] = {}
        self.keeper = Keeper(database, vault, leases, self._endpoint_of, refused, mended)

    def declare(self, plugin: str, declared: AnyConnection) -> None:
        """Let users connect a service of ``plugin``.

        Raises:
            ValueError: The service's name is taken, or cannot stand in a path.
        """
        if not _NAME.fullmatch(declared.service):
            raise ValueError(f"{declared.service!r} cannot be a service's name")
        if known := self.known.get(declared.service):
            raise ValueError(f"the service {declared.service!r} is declared by {known.plugin}")
        if isinstance(declared, OAuth2Connection):
            endpoint = TokenEndpoint(self._http, _endpoint(declared))
            self.known[declared.service] = ConsentService(plugin, declared, endpoint, self._pace(declared))
        else:
            self.known[declared.service] = KeyService(plugin, declared)

    def share(self, part: float) -> None:
        """Keep to a part of each service's pace from now on, of 1 for that of all processes."""
        self._part = part
        for service in self.known.values():
            if isinstance(service, ConsentService) and service.pace is not None:
                service.pace.share(part)

    def _pace(self, declared: OAuth2Connection) -> Pace | None:
        if not declared.requests_per_second:
            return None
        pace = Pace(declared.requests_per_second)
        pace.share(self._part)
        return pace

    def get(self, service: str) -> Service:
        """Return a declared service.

        Raises:
            NotFound: No loaded plugin declares it.
        """
        try:
            return self.known[service]
        except KeyError:
            raise NotFound(f"No installed plugin connects {service!r}") from None

    def with_key(self, service: str) -> KeyService:
        """Return a declared service that users connect with an API key.

        Raises:
            NotFound: There is none of that name.
            BadRequest: It is connected by consent.
        """
        known = self.get(service)
        if isinstance(known, KeyService):
            return known
        raise BadRequest(f"{known.declared.title} is connected by consent, not with a key")

    def with_consent(self, service: str) -> ConsentService:
        """Return a declared service that users connect by consent.

        Raises:
            NotFound: There is none of that name.
            BadRequest: It is connected with an API key.
        """
        known = self.get(service)
        if isinstance(known, ConsentService):
            return known
        raise BadRequest(f"{known.declared.title} is connected with a key, not by consent")

    def connection(self, row: Row) -> Connection | None:
        """Return a row's connection, signed in; None when its service is not declared."""
        known = self.known.get(row["service"])
        if known is None:
            return None
        return Connection(
            id=row["id"],
            service=row["service"],
            account_id=row["account_id"],
            user_id=row["user_id"],
            mode=row["mode"],
            state=row["state"],
            label=row["label"],
            client=self._client(known, row),
            store=Store(self._database, known.plugin, row["id"]),
            version=row["version"],
            email=row["email"],
            scopes=tuple(row["scopes"].split()),
            external_id=row["external_id"],
        )

    def candidate(self, known: Service, owner: Owner, client: Client) -> Connection:
        """Return a connection that is not stored yet, for asking the provider whose it is."""
        candidate_id = new_id()  # a plugin that looks for its row finds none
        return Connection(
            id=candidate_id,
            service=known.declared.service,
            account_id=owner.account_id,
            user_id=owner.user_id,
            mode=owner.mode,
            state="connected",
            label="",
            client=client,
            store=Store(self._database, known.plugin, candidate_id),
        )

    def _client(self, known: Service, row: Row) -> Client:
        declared = known.declared
        if row["mode"] != "live":
            return SandboxClient(declared.service)
        if isinstance(known, ConsentService):
            bearer = ConnectionBearer(self.keeper, row)
            return BearerClient(self._http, declared.base_url, bearer, quota=row["id"], pace=known.pace)
        authorize = known.declared.authorize
        return ApiClient(
            self._http,
            declared.base_url,
            lambda: authorize(self._unseal(row["credential"])),
            quota=row["id"],
        )

    def _unseal(self, sealed: str) -> str:
        try:
            return self._vault.decrypt(sealed)
        except VaultError as error:
            raise NeedsReauth("the stored credential cannot be read any more") from error

    def _endpoint_of(self, service: str) -> TokenEndpoint | None:
        known = self.known.get(service)
        return known.endpoint if isinstance(known, ConsentService) else None


def _endpoint(declared: OAuth2Connection) -> Endpoint:
    return Endpoint(
        declared.token_url,
        declared.client_id,
        declared.client_secret.get_secret_value(),
        declared.token_auth,
        declared.revoke_url,
        declared.revoke_auth,
    )

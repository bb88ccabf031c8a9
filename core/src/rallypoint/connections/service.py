"""Users' connections to services: made, replaced, refused, recovered, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from rallypoint.connections import records
from rallypoint.connections.api import Client, Connection, ConnectionState, Owner
from rallypoint.connections.client import ApiClient, SandboxClient
from rallypoint.connections.events import EVENTS, NEEDS_REAUTH, RECOVERED, draft
from rallypoint.connections.http import ProviderHttp
from rallypoint.errors import (
    NeedsReauth,
    NotFound,
    PermanentFailure,
    RetryLater,
    Unavailable,
    ValidationFailed,
)
from rallypoint.events.outbox import Outbox
from rallypoint.identity.api import Mode
from rallypoint.plugins.contributions import ApiKeyConnection
from rallypoint.plugins.running import Runner, run_plainly
from rallypoint.security.vault import Vault, VaultError
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.storage.store import Store

_IDENTIFY_TIMEOUT = 60.0
Observer = Callable[[Transaction, str, Connection, ConnectionState], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """A declared service and the plugin it belongs to."""

    plugin: str
    declared: ApiKeyConnection


class Connections:
    """Connections of all users.

    Args:
        database: Where the rows are.
        vault: Encrypts credentials.
        outbox: Takes the news for owners.
        http: Calls providers.
    """

    def __init__(self, database: Database, vault: Vault, outbox: Outbox, http: ProviderHttp) -> None:
        self._database = database
        self._vault = vault
        self._outbox = outbox
        self._http = http
        self._services: dict[str, Service] = {}
        self._observers: list[Observer] = []
        self._run: Runner = run_plainly
        outbox.declare(EVENTS)

    async def open(self) -> None:
        """Open the HTTP client."""
        await self._http.open()

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._http.close()

    def supervise(self, run: Runner) -> None:
        """Call plugins through ``run`` from now on."""
        self._run = run

    def observe(self, observer: Observer) -> None:
        """Call ``observer(tx, plugin, connection, state)`` in the transaction of every change."""
        self._observers.append(observer)

    def declare(self, plugin: str, declared: ApiKeyConnection) -> None:
        """Let users connect a service of ``plugin``.

        Raises:
            ValueError: The service's name is taken.
        """
        if known := self._services.get(declared.service):
            raise ValueError(f"the service {declared.service!r} is declared by {known.plugin}")
        self._services[declared.service] = Service(plugin, declared)

    @property
    def services(self) -> Mapping[str, Service]:
        """What users may connect, by name."""
        return self._services

    def client(self, base_url: str, headers: Mapping[str, str], *, quota: str = "") -> Client:
        """Return a client with the operator's own credentials, for plugins without users' connections.

        Args:
            base_url: Of the provider's API.
            headers: Carry the credential.
            quota: Clients of the same quota wait together when the provider answers 429.
        """
        fixed = dict(headers)
        return ApiClient(self._http, base_url, lambda: fixed, quota=quota or base_url)

    async def connect(self, owner: Owner, service: str, api_key: str) -> tuple[Row, bool]:
        """Verify a key with its provider and keep it; returns the connection's row and whether it is new.

        In the sandbox nothing is verified and no key is kept.

        Raises:
            NotFound: No such service.
            ValidationFailed: The provider refuses the key.
            Unavailable: The provider cannot be asked at present.
        """
        known = self._known(service)
        live = owner.mode == "live"
        label = await self._identify(known, owner, api_key) if live else "Sandbox"
        sealed = self._vault.encrypt(api_key) if live else ""
        async with self._database.transaction() as tx:
            before = await records.of_user(tx, owner, service)
            row = await records.save(tx, owner, service, sealed, label)
            if before is not None and before["state"] == "needs_reauth":
                row = await self._tell(tx, RECOVERED, row["id"])
            await self._notify(tx, row, "connected")
        return row, before is None

    async def disconnect(self, owner: Owner, service: str) -> None:
        """Delete a user's connection, its credential and what its plugin kept for it.

        Raises:
            NotFound: There is none.
        """
        async with self._database.transaction() as tx:
            row = await records.of_user(tx, owner, service)
            if row is None:
                raise _not_connected(service)
            await self._notify(tx, row, "removed")
            await records.remove(tx, row["id"])

    async def list(self, owner: Owner) -> Sequence[Row]:
        """Return a user's connections, by service."""
        return await self._database.fetch(records.OF_OWNER, owner.account_id, owner.user_id)

    async def row(self, owner: Owner, service: str) -> Row:
        """Return a user's connection to a service as stored.

        Raises:
            NotFound: There is none.
        """
        async with self._database.transaction() as tx:
            row = await records.of_user(tx, owner, service)
        if row is None:
            raise _not_connected(service)
        return row

    async def find(self, account_id: str, user_id: str, mode: Mode, service: str) -> Connection | None:
        """Return a user's connection to a declared service, signed in; None when there is none."""
        async with self._database.transaction() as tx:
            row = await records.of_user(tx, Owner(account_id, user_id, mode), service)
        return None if row is None or row["mode"] != mode else self._signed_in(row)

    async def get(self, connection_id: str) -> Connection | None:
        """Return a connection by its id, signed in; None when it is gone or its service is not declared."""
        row = await self._database.fetch_one(records.BY_ID, connection_id)
        return None if row is None else self._signed_in(row)

    async def for_service(self, service: str, *, after: str = "", limit: int = 500) -> Sequence[Connection]:
        """Return connections of a service in order of their ids, those after the id ``after``."""
        rows = await self._database.fetch(records.OF_SERVICE, service, after, limit)
        return [found for row in rows if (found := self._signed_in(row)) is not None]

    async def mark_needs_reauth(self, connection: Connection, reason: str) -> bool:
        """Note that the provider refuses the credential, and tell the owner: once, and not of an old one.

        Returns:
            Whether this changed anything.
        """
        async with self._database.transaction() as tx:
            row = await records.refuse(tx, connection.id, connection.version, reason)
            if row is None:
                return False
            row = await self._tell(tx, NEEDS_REAUTH, row["id"])
            await self._notify(tx, row, "needs_reauth")
        return True

    async def _identify(self, known: Service, owner: Owner, api_key: str) -> str:
        declared = known.declared
        client = ApiClient(self._http, declared.base_url, lambda: declared.authorize(api_key))
        candidate_id = new_id()  # nothing is stored yet; a plugin that looks for its row finds none
        candidate = Connection(
            id=candidate_id,
            service=declared.service,
            account_id=owner.account_id,
            user_id=owner.user_id,
            mode=owner.mode,
            state="connected",
            label="",
            client=client,
            store=Store(self._database, known.plugin, candidate_id),
        )
        try:
            return await self._run(
                known.plugin,
                _awaited(declared.identify(candidate)),
                what="identify",
                timeout=_IDENTIFY_TIMEOUT,
            )
        except (NeedsReauth, PermanentFailure) as error:
            message = f"{declared.title} does not accept this key"
            raise ValidationFailed({"api_key": [message]}, message) from error
        except RetryLater as error:
            wait = max(1, round(error.after or 5))
            raise Unavailable(
                f"{declared.title} cannot be reached at present", headers={"Retry-After": str(wait)}
            ) from error

    async def _tell(self, tx: Transaction, event: str, connection_id: str) -> Row:
        row = await records.next_seq(tx, connection_id)
        await self._outbox.add(tx, draft(event, row))
        return row

    async def _notify(self, tx: Transaction, row: Row, state: ConnectionState) -> None:
        known, connection = self._services.get(row["service"]), self._signed_in(row)
        if known is not None and connection is not None:
            for observer in self._observers:
                await observer(tx, known.plugin, connection, state)

    def _signed_in(self, row: Row) -> Connection | None:
        known = self._services.get(row["service"])
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
            client=self._client_of(known.declared, row),
            store=Store(self._database, known.plugin, row["id"]),
            version=row["version"],
        )

    def _client_of(self, declared: ApiKeyConnection, row: Row) -> Client:
        if row["mode"] != "live":
            return SandboxClient(declared.service)
        return ApiClient(
            self._http,
            declared.base_url,
            lambda: declared.authorize(self._unseal(row["credential"])),
            quota=row["id"],
        )

    def _unseal(self, sealed: str) -> str:
        try:
            return self._vault.decrypt(sealed)
        except VaultError as error:
            raise NeedsReauth("the stored credential cannot be read any more") from error

    def _known(self, service: str) -> Service:
        try:
            return self._services[service]
        except KeyError:
            raise NotFound(f"No installed plugin connects {service!r}") from None


def _not_connected(service: str) -> NotFound:
    return NotFound(f"{service!r} is not connected")


async def _awaited(work: Awaitable[str]) -> str:
    return await work

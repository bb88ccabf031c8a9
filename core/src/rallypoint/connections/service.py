"""Users' connections to services: made, replaced, refused, recovered, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext

import structlog

from rallypoint.connections import records, timeline
from rallypoint.connections.api import Completed, Connection, Identity, Owner
from rallypoint.connections.changes import Changes, Observer
from rallypoint.connections.consent import Consent, Return
from rallypoint.connections.grants import Grants
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.operators import OperatorClients
from rallypoint.connections.records import Grant
from rallypoint.connections.revocations import Revocations
from rallypoint.connections.services import ConsentService, Service, Services
from rallypoint.connections.states import States
from rallypoint.errors import NotFound
from rallypoint.events.outbox import Outbox
from rallypoint.identity.api import Mode
from rallypoint.plugins.contributions import AnyConnection
from rallypoint.plugins.running import Runner, run_plainly
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage import clock
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.leases import Leases

FAREWELL_SECONDS = 10.0
_log = structlog.stdlib.get_logger("rallypoint.connections")


class Connections(OperatorClients):
    """Connections of all users.

    Args:
        database: Where the rows are.
        vault: Encrypts credentials.
        outbox: Takes the news for owners.
        http: Calls providers.
        settings: With the secret key, and where we are reached.
        leases: Of this process.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        outbox: Outbox,
        http: ProviderHttp,
        settings: Settings,
        leases: Leases,
    ) -> None:
        super().__init__(http)
        self._database, self._vault = database, vault
        self._changes = Changes(database, outbox)
        self._declared = Services(
            database, vault, http, leases, refused=self._changes.refuse, mended=self._changes.mend
        )
        self._states = States(database, settings)
        self._consent = Consent(database, settings, self._declared, self._states, http)
        self.revocations = Revocations(database, vault, self._declared)
        self._changes.bind(self._declared, self.revocations)
        self._grants = Grants(database, vault, self._declared, http)
        self._run: Runner = run_plainly

    async def open(self) -> None:
        """Open the HTTP client."""
        await self._http.open()

    async def close(self) -> None:
        """Let refreshes under way end, and close the HTTP client."""
        await self._declared.keeper.close()
        await self._http.close()

    async def prune(self) -> None:
        """Forget consents that are long over."""
        await self._states.prune()

    def supervise(self, run: Runner) -> None:
        """Call plugins through ``run`` from now on."""
        self._run = run

    def observe(self, observer: Observer) -> None:
        """Call ``observer(tx, plugin, connection, state)`` in the transaction of every change."""
        self._changes.observe(observer)

    def declare(self, plugin: str, declared: AnyConnection) -> None:
        """Let users connect a service of ``plugin``.

        Raises:
            ValueError: The service's name is taken.
        """
        self._declared.declare(plugin, declared)

    def share(self, part: float) -> None:
        """Keep to a part of each service's pace from now on, of 1 for that of all processes."""
        self._declared.share(part)

    @property
    def services(self) -> Mapping[str, Service]:
        """What users may connect, by name."""
        return self._declared.known

    async def connect(self, owner: Owner, service: str, api_key: str) -> tuple[Row, bool]:
        """Verify a key with its provider and keep it; returns the connection's row and whether it is new.

        In the sandbox nothing is verified and no key is kept.

        Raises:
            NotFound: No such service.
            BadRequest: It is connected by consent.
            ValidationFailed: The provider refuses the key.
            Unavailable: The provider cannot be asked at present.
        """
        known = self._declared.with_key(service)
        live = owner.mode == "live"
        label = await self._grants.label(known, owner, api_key, self._run) if live else "Sandbox"
        sealed = self._vault.encrypt(api_key) if live else ""
        kept = await self._changes.keep(owner, service, Grant("api_key", sealed, Identity(label)))
        return kept.row, kept.created

    async def begin(
        self, owner: Owner, service: str, *, scopes: Iterable[str] = (), return_to: str = ""
    ) -> str:
        """Return the URL at which the user consents to a connection.

        That of a sandbox leads straight to the callback, so that a client meets the same steps and no provider.

        Args:
            owner: Who connects.
            service: With OAuth2.
            scopes: Wanted beside those that every connection has; what was granted before is asked for again.
            return_to: Where the user goes on afterwards: a path here, or a page that may call this API.

        Raises:
            NotFound: No such service.
            BadRequest: It is connected with a key.
            Conflict: It is connected, works, and has every scope.
            ValidationFailed: ``return_to`` is elsewhere.
        """
        return await self._consent.begin(owner, service, scopes, return_to)

    async def complete(
        self,
        state: str,
        *,
        code: str = "",
        error: str = "",
        services: Collection[str] | None = None,
        path: str = "",
    ) -> Completed:
        """Turn what a provider handed the user back with into a connection.

        Args:
            state: As the provider returned it.
            code: To be exchanged; empty when there is an error.
            error: The provider's, in place of a code.
            services: Those that this callback serves; None for all.
            path: Of the callback, which must be the service's ``redirect_path``; empty for an alias.

        Raises:
            OAuthFailed: With the reason and, if it is known, where the user goes on.
        """
        back = Return(state, code, error, services, path)
        consented = await self._consent.come_back(back, self._run)
        kept = await self._changes.keep(
            consented.asked.owner, consented.asked.service, await self._grants.of_consent(consented)
        )
        if kept.revocation is not None:
            await self.revocations.at_once(kept.revocation)
        connection = self._declared.connection(kept.row)
        if connection is None:
            raise NotFound(f"No installed plugin connects {consented.asked.service!r}")
        return Completed(connection, consented.asked.return_to, kept.created)

    async def disconnect(self, owner: Owner, service: str) -> None:
        """Delete a user's connection, its credential and what its plugin kept for it.

        A provider that can be told of the end of a grant is told; one that is away does not hold up the user.

        Raises:
            NotFound: There is none.
        """
        await self._bid_farewell(await self.row(owner, service))
        try:
            revocation = await self._changes.remove(owner, service)
        except LookupError:
            raise _not_connected(service) from None
        if revocation is not None:
            await self.revocations.at_once(revocation)

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
        return None if row is None or row["mode"] != mode else self._declared.connection(row)

    async def by_email(self, account_id: str, mode: Mode, service: str, email: str) -> Connection | None:
        """Return the account's connection whose provider says that ``email`` is its address, signed in.

        Of several, one that works, and of those the latest; None when there is none.
        """
        row = await records.by_email(self._database, account_id, mode, service, email) if email else None
        return None if row is None else self._declared.connection(row)

    async def get(self, connection_id: str) -> Connection | None:
        """Return a connection by its id, signed in; None when it is gone or its service is not declared."""
        row = await self._database.fetch_one(records.BY_ID, connection_id)
        return None if row is None else self._declared.connection(row)

    async def for_service(self, service: str, *, after: str = "", limit: int = 500) -> Sequence[Connection]:
        """Return connections of a service in order of their ids, those after the id ``after``."""
        rows = await self._database.fetch(records.OF_SERVICE, service, after, limit)
        return [found for row in rows if (found := self._declared.connection(row)) is not None]

    async def mark_needs_reauth(self, connection: Connection, reason: str) -> bool:
        """Note that the provider refuses the credential, and tell the owner: once, and not of an old one.

        Returns:
            Whether this changed anything.
        """
        return await self._changes.refuse(connection.id, connection.version, reason)

    async def note(
        self,
        connection_id: str,
        kind: timeline.Kind,
        *,
        at: int | None = None,
        until: int | None = None,
        detail: str = "",
        tx: Transaction | None = None,
    ) -> None:
        """Write a line of a connection's timeline; joins the transaction under way.

        Args:
            connection_id: Of one that may be gone: then nothing is written.
            kind: Counted, its last time and detail kept; failures and conflicts are logged one by one too.
            at: Milliseconds; now when left out.
            until: When it happens again, or ends.
            detail: A sentence for the owner; no secrets.
            tx: To write in; one of its own, or the one under way, when left out.
        """
        moment = clock.now() if at is None else at
        async with nullcontext(tx) if tx is not None else self._database.transaction() as joined:
            await timeline.note(joined, connection_id, kind, at=moment, until=until, detail=detail)

    async def timeline(self, connection_id: str) -> timeline.Timeline:
        """Return what happened to a connection."""
        return await timeline.read(self._database, connection_id)

    async def _bid_farewell(self, row: Row) -> None:
        known, connection = self._declared.known.get(row["service"]), self._declared.connection(row)
        if not isinstance(known, ConsentService) or known.declared.farewell is None:
            return
        if connection is None or connection.mode != "live" or connection.state != "connected":
            return
        work = _awaited(known.declared.farewell(connection))
        try:
            await self._run(known.plugin, work, what="farewell", timeout=FAREWELL_SECONDS)
        except Exception as error:
            _log.info("a plugin could not bid farewell", service=row["service"], error=repr(error))


def _not_connected(service: str) -> NotFound:
    return NotFound(f"{service!r} is not connected")


async def _awaited(work: Awaitable[None]) -> None:
    await work

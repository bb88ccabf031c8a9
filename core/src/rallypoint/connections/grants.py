"""What a user gives us for a service, verified with the provider and sealed: a key, or the tokens of a consent."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace

from rallypoint.connections import records
from rallypoint.connections.api import Identity, Owner
from rallypoint.connections.client import ApiClient
from rallypoint.connections.consent import IDENTIFY_TIMEOUT, Consented
from rallypoint.connections.http import ProviderHttp
from rallypoint.connections.records import Grant
from rallypoint.connections.services import KeyService, Services
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater, Unavailable, ValidationFailed
from rallypoint.plugins.running import Runner
from rallypoint.security.vault import Vault
from rallypoint.storage.database import Database


class Grants:
    """Prepares them for keeping.

    Args:
        database: Where older ones are.
        vault: Seals them.
        services: What they are for.
        http: Asks providers.
    """

    def __init__(self, database: Database, vault: Vault, services: Services, http: ProviderHttp) -> None:
        self._database, self._vault, self._services, self._http = database, vault, services, http

    async def label(self, known: KeyService, owner: Owner, api_key: str, run: Runner) -> str:
        """Return the provider's name of the account that a key opens.

        Raises:
            ValidationFailed: The provider refuses the key.
            Unavailable: It cannot be asked at present.
        """
        declared = known.declared
        client = ApiClient(self._http, declared.base_url, lambda: declared.authorize(api_key))
        candidate = self._services.candidate(known, owner, client)
        try:
            return await run(
                known.plugin,
                _awaited(declared.identify(candidate)),
                what="identify",
                timeout=IDENTIFY_TIMEOUT,
            )
        except (NeedsReauth, PermanentFailure) as error:
            message = f"{declared.title} does not accept this key"
            raise ValidationFailed({"api_key": [message]}, message) from error
        except RetryLater as error:
            wait = max(1, round(error.after or 5))
            raise Unavailable(
                f"{declared.title} cannot be reached at present", headers={"Retry-After": str(wait)}
            ) from error

    async def of_consent(self, consented: Consented) -> Grant:
        """Return what is to be kept of a consent; a refresh token that does not come again stays as it was."""
        asked, tokens, who = consented.asked, consented.tokens, consented.identity
        if tokens is None:
            return Grant("oauth2", "", who, consented.scopes)
        if not tokens.refresh:
            tokens = replace(tokens, refresh=await self._refresh_token_of(asked.owner, asked.service, who))
        sealed = self._vault.encrypt(tokens.pack())
        return Grant("oauth2", sealed, who, consented.scopes, tokens.expires_at)

    async def _refresh_token_of(self, owner: Owner, service: str, who: Identity) -> str:
        async with self._database.transaction() as tx:
            row = await records.of_user(tx, owner, service)
        if row is None or not row["external_id"] or row["external_id"] != records.external_id(who):
            return ""
        try:
            return self._services.keeper.unseal(row).tokens.refresh
        except NeedsReauth:
            return ""


async def _awaited(work: Awaitable[str]) -> str:
    return await work

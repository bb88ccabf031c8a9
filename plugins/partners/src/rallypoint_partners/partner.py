"""One partner at work: its webhooks in, our participants out, its sessions on request and by polling."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import SecretStr

from rallypoint.domains.rooms.api import ExternalRoom, Pull, Rooms
from rallypoint.sdk import Connection, Inbound, NotFound, PermanentFailure, PluginContext, RetryLater
from rallypoint_partners.body import parsed
from rallypoint_partners.client import PartnerClient, authorize
from rallypoint_partners.config import Capability, PartnerConfig
from rallypoint_partners.mapping import room_of, session_id
from rallypoint_partners.pointer import resolve
from rallypoint_partners.settings import Access

Direction = Literal["two-way", "inbound only", "outbound only", "not configured"]
_MAX_SENT = 500
_OWNERLESS_WAIT = 3600.0


class Partner:
    """A configured partner.

    Args:
        ctx: The plugin's view of the core.
        config: How the partner works.
        access: How it is reached, and who owns its rooms.
    """

    def __init__(self, ctx: PluginContext, config: PartnerConfig, access: Access) -> None:
        self._ctx = ctx
        self.config = config
        self.access = access
        self._client = self._client_for(access) if access.api_url else None

    @property
    def direction(self) -> Direction:
        """What works with the settings as they are."""
        inbound = self._takes_webhooks and self.access.has_owner
        if self._client is None:
            return "inbound only" if inbound else "not configured"
        return "two-way" if inbound else "outbound only"

    @property
    def lacks_owner(self) -> bool:
        """Whether webhooks come in that have no place to go."""
        return self._takes_webhooks and not self.access.has_owner

    @property
    def _takes_webhooks(self) -> bool:
        return bool(self.access.webhook_secret.get_secret_value()) and self.config.webhook is not None

    def can(self, capability: Capability) -> bool:
        """Tell whether something of the partner's API is configured and reachable."""
        return capability in self.config.capabilities and self._client is not None

    async def receive(self, inbound: Inbound) -> None:
        """Bring a genuine webhook's session in.

        Raises:
            RetryLater: Nobody owns the partner's rooms yet; the receipt waits.
            PermanentFailure: The body is not what the configuration says.
        """
        if not self.access.has_owner:
            raise RetryLater(
                f"ACCOUNT_ID and OWNER_ID of {self.config.name} are not set", after=_OWNERLESS_WAIT
            )
        webhook = self.config.webhook
        body = parsed(inbound.body)
        session = None if webhook is None else resolve(body, webhook.session)
        if webhook is None or not isinstance(session, dict):
            raise PermanentFailure(f"{self.config.title} sent a webhook without a session")
        await self._bring_in(session, ended=resolve(body, webhook.event) in webhook.ended_events)

    async def sync(self, _connection: Connection | None) -> None:
        """Bring all sessions of the partner's list in; one that cannot be read hides no other."""
        if self._client is None:
            return
        async for session in self._client.sessions():
            try:
                await self._bring_in(session)
            except PermanentFailure as error:
                self._ctx.log.warning("a session was left out", partner=self.config.name, reason=str(error))

    async def pull(self, request: Pull) -> ExternalRoom | None:
        """Return one session as a room; None when the caller has nothing to ask the partner with.

        The operator's key serves the account that the partner's rooms belong to, nobody else's.

        Raises:
            NotFound: The partner has no such session.
        """
        client = self._puller(request)
        if client is None or request.mode != "live":
            return None
        try:
            session = await client.session(request.external_id)
        except PermanentFailure as error:
            if error.status == 404:
                raise NotFound(f"{self.config.title} has no such session") from error
            raise
        return self._room(session, await self._sent(request.external_id))

    async def tell(self, event: str, data: Mapping[str, Any]) -> None:
        """Tell the partner that one of our participants came or went.

        Args:
            event: ``participant.joined`` or ``participant.left``.
            data: Of the event: ``room`` and ``participant``.
        """
        session, stay = str(data["room"]["external_service_id"]), data["participant"]
        if self._client is None or stay.get("external_user_id") is not None:
            return  # whoever came from the partner is known to it
        user_id = str(stay["user_id"])
        if event == "participant.joined" and self.can("add-participant"):
            # Remembered first: the partner may tell us of its newcomer before its reply is here.
            await self._remember(session, user_id, here=True)
            await self._client.add_participant(session, user_id)
        elif event == "participant.left" and self.can("remove-participant"):
            await self._client.remove_participant(session, user_id)
            await self._remember(session, user_id, here=False)

    async def _bring_in(self, session: Any, *, ended: bool = False) -> None:
        external_id = session_id(self.config, session)
        room = self._room(session, await self._sent(external_id), ended=ended)
        await self._ctx.service(Rooms).upsert_external(
            account_id=self.access.account_id,
            mode="live",
            owner_id=self.access.owner_id,
            service=self.config.name,
            external_id=external_id,
            room=room,
        )

    def _room(self, session: Any, sent: Sequence[str], *, ended: bool = False) -> ExternalRoom:
        now = time.time_ns() // 1_000_000
        return room_of(self.config, session, ended=ended, ours=sent, now=now)

    def _client_for(self, access: Access) -> PartnerClient:
        headers = authorize(self.config.api, access)
        quota = f"partners/{self.config.name}"
        client = self._ctx.kernel.connections.client(access.api_url, headers, quota=quota)
        return PartnerClient(client, self.config.api)

    def _puller(self, request: Pull) -> PartnerClient | None:
        if not self.can("get"):
            return None
        if request.api_key:
            return self._client_for(self.access.model_copy(update={"api_key": SecretStr(request.api_key)}))
        return self._client if request.account_id == self.access.account_id else None

    async def _sent(self, external_id: str) -> Sequence[str]:
        sent: list[str] = await self._ctx.store.get(self._key(external_id), [])
        return sent

    async def _remember(self, external_id: str, user_id: str, *, here: bool) -> None:
        others = [one for one in await self._sent(external_id) if one != user_id]
        sent = [*others, user_id] if here else others
        await self._ctx.store.set(self._key(external_id), sent[-_MAX_SENT:])

    def _key(self, external_id: str) -> str:
        return f"sent/{self.config.name}/{hashlib.sha256(external_id.encode()).hexdigest()[:32]}"

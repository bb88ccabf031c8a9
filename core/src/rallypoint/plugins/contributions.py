"""What registration hooks return. Plain data: the core performs the effects, all of a plugin's or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from rallypoint.events.types import EventType
from rallypoint.realtime.channel import Channel
from rallypoint.web.routing import Reply, Route

if TYPE_CHECKING:
    from rallypoint.connections.api import Connection, Identity, RevokeAuth, TokenAuth

__all__ = [
    "AnyConnection",
    "ApiKeyConnection",
    "Channel",
    "EventType",
    "Health",
    "Inbound",
    "OAuth2Connection",
    "PluginSettings",
    "Route",
    "TargetInfo",
    "TargetKind",
    "Task",
    "Verifier",
    "WebhookSource",
]


class PluginSettings(BaseSettings):
    """Base of a plugin's settings: variables ``RALLYPOINT_<PLUGIN>_<FIELD>``; the core sets the prefix.

    A field without a default that is not set makes the plugin ``needs_config``. A field may name a second
    variable with ``validation_alias`` (``AliasChoices``).
    """

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class Inbound:
    """A provider's webhook as received.

    Args:
        body: Raw bytes, which signatures are made over.
        headers: Names in lower case.
        query: Of the URL, first value each.
        url: As the world sees it (``PUBLIC_URL`` and path), which some signatures cover.
    """

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    url: str


class Verifier(Protocol):
    """Decides whether an inbound webhook is genuine; the ready ones are in ``rallypoint.sdk``."""

    def __call__(self, inbound: Inbound) -> None:
        """Return when it is genuine.

        Raises:
            Unauthorized: Unsigned, wrongly signed or too old.
            Unavailable: The provider is not configured.
        """
        ...


@dataclass(frozen=True, slots=True)
class WebhookSource:
    """An endpoint a provider posts to. Without a verifier it cannot be built.

    Args:
        provider: Names the receipts; unique on the server.
        path: From the root, under the plugin's prefixes.
        verify: Checked before anything is kept.
        delivery_id: The provider's own id of this delivery; a repeated one is answered and dropped.
        handle: Runs as a job after the answer, from the receipt; retried when it raises.
        answer: Replies at once to handshakes; None to go on to a receipt and 200.
        ok: Reply once the receipt is stored.
        summary: For the documentation.
        sample: A genuine delivery, signed with the present settings, with which ``rallypoint plugin check``
            proves that a repeated one is dropped; its ``url`` may be a path alone.
        forge: Makes a delivery of the sample that must be refused; for providers that prove themselves by a
            token and sign nothing. Left out, a byte is added to the body.
    """

    provider: str
    path: str
    verify: Verifier
    delivery_id: Callable[[Inbound], str]
    handle: Callable[[Inbound], Awaitable[None]]
    answer: Callable[[Inbound], Reply | None] = lambda _inbound: None
    ok: Reply = field(default_factory=lambda: Reply({"received": True}))
    summary: str = "Receive a provider's webhook"
    sample: Callable[[], Inbound] | None = None
    forge: Callable[[Inbound], Inbound] | None = None


@dataclass(frozen=True, slots=True)
class ApiKeyConnection:
    """A service that users connect with an API key.

    Args:
        service: Its name; unique on the server.
        title: For people.
        base_url: Of its API.
        authorize: Headers that carry the key.
        identify: Calls the provider with the key and returns a label of the account (shown to the user).
        summary: What it is good for, in a sentence or two for the user.
    """

    service: str
    title: str
    base_url: str
    authorize: Callable[[str], Mapping[str, str]]
    identify: Callable[[Connection], Awaitable[str]]
    summary: str = ""


CALLBACK_PATH = "/api/v1/oauth/callback"
"""Where providers send users back to, unless a service has a path of its own."""


@dataclass(frozen=True, slots=True)
class OAuth2Connection:
    """A service that users connect by their consent (RFC 6749 §4.1 with PKCE, RFC 7636).

    Args:
        service: Its name; unique on the server.
        title: For people.
        base_url: Of its API.
        authorize_url: Where the user consents.
        token_url: Where codes and refresh tokens are exchanged.
        client_id: The operator's registration at the provider.
        client_secret: Of that registration.
        scopes: What every connection needs; a user who grants less is not connected.
        identify: Calls the provider with the new token and says whose account it is.
        redirect_path: The path at which the provider hands the user back, joined to ``PUBLIC_URL``; the core
            serves the default one, a plugin's own route calls ``ctx.kernel.connections.complete``.
        revoke_url: Takes ``token=…`` (RFC 7009); empty when the provider has none.
        revoke_auth: How the client's id and secret travel to ``revoke_url``; ``none`` for a provider that wants
            the token alone, as Google does.
        authorize_params: Beside the standard ones, such as ``access_type=offline``.
        token_auth: How the client's id and secret travel to ``token_url``.
        requests_per_second: Calls of this service in any second, at most, fairly among connections; processes
            share it, as many as run. None for no limit.
        farewell: Called with a connection that its user disconnects, while its token still works (to stop push
            channels, say); may take 10 s, and what goes wrong does not hold up the user.
        summary: What it is good for, in a sentence or two for the user.
    """

    service: str
    title: str
    base_url: str
    authorize_url: str
    token_url: str
    client_id: str
    client_secret: SecretStr
    scopes: tuple[str, ...]
    identify: Callable[[Connection], Awaitable[Identity]]
    redirect_path: str = CALLBACK_PATH
    revoke_url: str = ""
    revoke_auth: RevokeAuth = "none"
    authorize_params: Mapping[str, str] = field(default_factory=dict)
    token_auth: TokenAuth = "client_secret_post"  # noqa: S105 - a method's name
    requests_per_second: float | None = None
    farewell: Callable[[Connection], Awaitable[None]] | None = None
    summary: str = ""


AnyConnection = ApiKeyConnection | OAuth2Connection


@dataclass(frozen=True, slots=True)
class Task:
    """Periodic work of a plugin.

    Args:
        name: Unique in the plugin.
        every: Seconds between runs.
        run: Called with the connection, or with None for a global task. ``RetryLater``, ``NeedsReauth``,
            ``BadConfig`` and ``PermanentFailure`` say what happens next; anything else is a bug.
        service: Run once for each connection of this service; None for a global task.
        timeout: Seconds one run may take.
        max_backoff: Longest wait in seconds after repeated failures.
    """

    name: str
    every: float
    run: Callable[[Connection | None], Awaitable[None]]
    service: str | None = None
    timeout: float = 60.0
    max_backoff: float = 3600.0


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """A webhook target that something is about to be sent to.

    Args:
        id: As ``ctx.kernel.targets.create`` returned it.
        url: Where it is.
    """

    id: str
    url: str


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A kind of webhook target whose deliveries carry headers of its own, such as a key its receiver asks for.

    Args:
        kind: ``<plugin>.<name>``, as the targets are created with.
        headers: Returns the headers by target's id, asked for many targets at once and again every few seconds
            while there is something to send; never kept or logged. A target that is left out of the answer is
            switched off. Deliveries wait while this fails, and while the plugin is not loaded.
    """

    kind: str
    headers: Callable[[Sequence[TargetInfo]], Awaitable[Mapping[str, Mapping[str, str]]]]


@dataclass(frozen=True, slots=True)
class Health:
    """A plugin's own opinion of itself.

    Args:
        state: ``degraded`` shows in the plugin's status with the reason.
        reason: For the operator; no secrets.
        remedy: What to do about it.
        facts: Figures worth showing.
    """

    state: Literal["ok", "degraded"] = "ok"
    reason: str = ""
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

"""What registration hooks return. Plain data: the core performs the effects, all of a plugin's or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic_settings import BaseSettings, SettingsConfigDict

from rallypoint.events.types import EventType
from rallypoint.realtime.channel import Channel
from rallypoint.web.routing import Reply, Route

if TYPE_CHECKING:
    from rallypoint.connections.api import Connection

__all__ = [
    "ApiKeyConnection",
    "Channel",
    "EventType",
    "Health",
    "Inbound",
    "PluginSettings",
    "Route",
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


@dataclass(frozen=True, slots=True)
class ApiKeyConnection:
    """A service that users connect with an API key.

    Args:
        service: Its name; unique on the server.
        title: For people.
        base_url: Of its API.
        authorize: Headers that carry the key.
        identify: Calls the provider with the key and returns a label of the account (shown to the user).
    """

    service: str
    title: str
    base_url: str
    authorize: Callable[[str], Mapping[str, str]]
    identify: Callable[[Connection], Awaitable[str]]


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

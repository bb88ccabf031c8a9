"""What a plugin imports of Rallypoint, beside ``rallypoint.domains.<domain>.api``; nothing else is stable."""

from __future__ import annotations

from rallypoint.connections.api import Client, Connection, ConnectionState
from rallypoint.errors import (
    ApiError,
    BadConfig,
    BadRequest,
    Conflict,
    Forbidden,
    NeedsReauth,
    NotFound,
    PermanentFailure,
    PluginError,
    RateLimited,
    RetryLater,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    ValidationFailed,
)
from rallypoint.events.types import Draft, Event
from rallypoint.identity.api import Mode, Principal
from rallypoint.plugins.context import PluginContext, ServiceMissing
from rallypoint.plugins.contributions import (
    ApiKeyConnection,
    Channel,
    EventType,
    Health,
    Inbound,
    PluginSettings,
    Task,
    Verifier,
    WebhookSource,
)
from rallypoint.plugins.hookspecs import hookimpl, hookspec
from rallypoint.realtime.channel import Join, Joined, Message, Payload, Refused, Replay, RowChange
from rallypoint.web.routing import Access, Call, Data, Done, Page, Reply, Route, Routes
from rallypoint.webhooks.verifiers import hmac_verifier, standard_webhooks_verifier, token_verifier

__all__ = [
    "Access",
    "ApiError",
    "ApiKeyConnection",
    "BadConfig",
    "BadRequest",
    "Call",
    "Channel",
    "Client",
    "Conflict",
    "Connection",
    "ConnectionState",
    "Data",
    "Done",
    "Draft",
    "Event",
    "EventType",
    "Forbidden",
    "Health",
    "Inbound",
    "Join",
    "Joined",
    "Message",
    "Mode",
    "NeedsReauth",
    "NotFound",
    "Page",
    "Payload",
    "PermanentFailure",
    "PluginContext",
    "PluginError",
    "PluginSettings",
    "Principal",
    "RateLimited",
    "Refused",
    "Replay",
    "Reply",
    "RetryLater",
    "Route",
    "Routes",
    "RowChange",
    "ServiceMissing",
    "Task",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnsupportedMediaType",
    "ValidationFailed",
    "Verifier",
    "WebhookSource",
    "hmac_verifier",
    "hookimpl",
    "hookspec",
    "standard_webhooks_verifier",
    "token_verifier",
]

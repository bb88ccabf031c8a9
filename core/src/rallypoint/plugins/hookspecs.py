"""The kernel's hooks: all of them, typed, in one file. A domain that others extend brings its own.

Registration hooks are called once, in this order, before the event loop runs; they return data and must do
nothing else. Run-time hooks are coroutines, called by ``plugins.dispatch`` alone: each implementation is
timed, its failure attributed to its plugin, and the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from rallypoint.plugins.contributions import (
    ApiKeyConnection,
    Channel,
    EventType,
    Health,
    OAuth2Connection,
    PluginSettings,
    Route,
    TargetKind,
    Task,
    WebhookSource,
)

if TYPE_CHECKING:
    from rallypoint.connections.api import Connection
    from rallypoint.events.types import Event
    from rallypoint.plugins.context import PluginContext

PROJECT = "rallypoint"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_settings() -> type[PluginSettings]:
    """Return the class of the plugin's settings.

    A required field that is missing makes the plugin ``needs_config``, a malformed one too, naming the
    variable; the plugin's other hooks are then not called.

    since: 0.1

    Example:
        >>> class Settings(PluginSettings):
        ...     api_url: str = "https://api.example.com"
        >>> @hookimpl
        ... def register_settings() -> type[PluginSettings]:
        ...     return Settings
    """
    raise NotImplementedError


@hookspec
def register_models() -> str:
    """Return the name of the module with the plugin's Tortoise models.

    Its package has a sub-package ``migrations``; every table starts with the manifest's ``table_prefix``.

    since: 0.1

    Example:
        >>> @hookimpl
        ... def register_models() -> str:
        ...     return "rallypoint_acme.models"
    """
    raise NotImplementedError


@hookspec
def register_events(ctx: PluginContext) -> Sequence[EventType]:
    """Return the durable events the plugin publishes; names are unique on the server.

    since: 0.1

    Example:
        >>> @hookimpl
        ... def register_events(ctx) -> Sequence[EventType]:
        ...     return [EventType("acme.synced", "An Acme list was synced")]
    """
    raise NotImplementedError


@hookspec
def register_services(ctx: PluginContext) -> Mapping[type, object]:
    """Return the objects by which others use this plugin: a protocol of its ``api.py`` and what fulfils it.

    They are found with ``ctx.service(Protocol)``, at run time or in registration hooks of later plugins.

    since: 0.1

    Example:
        >>> class Greeter:
        ...     def greet(self) -> str:
        ...         return "hello"
        >>> @hookimpl
        ... def register_services(ctx) -> Mapping[type, object]:
        ...     return {Greeter: Greeter()}
    """
    raise NotImplementedError


@hookspec
def register_connections(ctx: PluginContext) -> Sequence[ApiKeyConnection | OAuth2Connection]:
    """Return the services that users may connect, with an API key or by their consent.

    since: 0.1

    Example:
        >>> async def identify(connection) -> str:
        ...     me = await connection.client.get_json("/me")
        ...     return str(me["name"])
        >>> @hookimpl
        ... def register_connections(ctx) -> Sequence[ApiKeyConnection | OAuth2Connection]:
        ...     return [ApiKeyConnection("acme", "Acme", "https://api.example.com",
        ...         authorize=lambda key: {"X-API-KEY": key}, identify=identify)]
    """
    raise NotImplementedError


@hookspec
def register_routes(ctx: PluginContext) -> Sequence[Route]:
    """Return the plugin's routes; each path is under one of the manifest's prefixes.

    since: 0.1

    Example:
        >>> @hookimpl
        ... def register_routes(ctx) -> Sequence[Route]:
        ...     routes = Routes("/acme", tag="acme")
        ...     @routes.add("GET", "/hello", summary="Say hello", replies={200: Done})
        ...     async def hello(call) -> Reply:
        ...         return Reply(Done(message="hello"))
        ...     return routes
    """
    raise NotImplementedError


@hookspec
def register_webhooks(ctx: PluginContext) -> Sequence[WebhookSource]:
    """Return the endpoints that providers post to; none can be built without a verifier.

    since: 0.1

    Example:
        >>> async def handle(inbound) -> None:
        ...     ctx.log.info("acme said something")
        >>> @hookimpl
        ... def register_webhooks(ctx) -> Sequence[WebhookSource]:
        ...     verify = hmac_verifier("x-acme-signature", secret="s3cret")
        ...     return [WebhookSource("acme", "/acme/webhook", verify,
        ...         delivery_id=lambda inbound: inbound.headers["x-acme-delivery"], handle=handle)]
    """
    raise NotImplementedError


@hookspec
def register_target_kinds(ctx: PluginContext) -> Sequence[TargetKind]:
    """Return the kinds of webhook targets whose deliveries carry headers of the plugin.

    The plugin makes such targets with ``ctx.kernel.targets``, in the transaction of its own rows, and removes
    them the same way: a removed target gets nothing more, whatever was queued for it.

    since: 0.1

    Example:
        >>> async def headers(targets: Sequence[TargetInfo]) -> Mapping[str, Mapping[str, str]]:
        ...     return {target.id: {"X-Acme-Key": "from the plugin's own table"} for target in targets}
        >>> @hookimpl
        ... def register_target_kinds(ctx) -> Sequence[TargetKind]:
        ...     return [TargetKind("acme.hook", headers)]
    """
    raise NotImplementedError


@hookspec
def register_tasks(ctx: PluginContext) -> Sequence[Task]:
    """Return periodic work: for each connection of a service, or global.

    One run at a time for each connection, over all processes.

    since: 0.1

    Example:
        >>> async def sync(connection) -> None:
        ...     await connection.client.get_json("/items")
        >>> @hookimpl
        ... def register_tasks(ctx) -> Sequence[Task]:
        ...     return [Task("sync", every=60, run=sync, service="acme")]
    """
    raise NotImplementedError


@hookspec
def register_channels(ctx: PluginContext) -> Sequence[Channel]:
    """Return the socket channels; every transport speaks them. Patterns are unique on the server.

    since: 0.1

    Example:
        >>> class AcmeChannel(Channel):
        ...     pattern = "acme:{item}"
        ...     async def join(self, join) -> Joined:
        ...         return Joined({"item": join.variables["item"]})
        >>> @hookimpl
        ... def register_channels(ctx) -> Sequence[Channel]:
        ...     return [AcmeChannel()]
    """
    raise NotImplementedError


@hookspec
async def startup(ctx: PluginContext) -> None:
    """Open what the plugin needs, once the database is migrated and before requests are served.

    since: 0.1

    Example:
        >>> @hookimpl
        ... async def startup(ctx) -> None:
        ...     ctx.log.info("ready")
    """


@hookspec
async def shutdown(ctx: PluginContext) -> None:
    """Close what :func:`startup` opened; no task, socket or file of the plugin may remain.

    since: 0.1

    Example:
        >>> @hookimpl
        ... async def shutdown(ctx) -> None:
        ...     ctx.log.info("bye")
    """


@hookspec
async def on_event(ctx: PluginContext, event: Event) -> None:
    """React to a durable event: at least once, retried with backoff, independent of other plugins.

    ``listens`` in the manifest names the events that are wanted, ``thing.*`` for all that begin so; without it
    every event of the server costs a row for the plugin.

    since: 0.1

    Example:
        >>> @hookimpl
        ... async def on_event(ctx, event) -> None:
        ...     if event.type == "participant.joined":
        ...         ctx.log.info("someone joined", subject=event.subject)
    """


@hookspec
async def on_connection_changed(ctx: PluginContext, connection: Connection, state: str) -> None:
    """Hear that a connection of the plugin became ``connected``, ``needs_reauth`` or ``removed``.

    since: 0.1

    Example:
        >>> @hookimpl
        ... async def on_connection_changed(ctx, connection, state) -> None:
        ...     ctx.log.info("connection", state=state)
    """


@hookspec
async def health(ctx: PluginContext) -> Health:
    """Say how the plugin is; asked for at intervals and shown to operators.

    since: 0.1

    Example:
        >>> @hookimpl
        ... async def health(ctx) -> Health:
        ...     return Health("degraded", "the queue is long", "add a worker")
    """
    raise NotImplementedError


@hookspec
async def diagnostics(ctx: PluginContext) -> Mapping[str, Any]:
    """Return facts for ``rallypoint plugin show``; the core redacts secrets again.

    since: 0.1

    Example:
        >>> @hookimpl
        ... async def diagnostics(ctx) -> Mapping[str, Any]:
        ...     return {"items": 3}
    """
    raise NotImplementedError

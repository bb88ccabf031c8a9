"""A service whose connections are synced by one call each."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr

from rallypoint.sdk import (
    Connection,
    Identity,
    OAuth2Connection,
    PluginContext,
    PluginSettings,
    Task,
    hookimpl,
)


class Settings(PluginSettings):
    """Where the provider is."""

    url: str


@hookimpl
def register_settings() -> type[PluginSettings]:
    """Say where the provider is."""
    return Settings


async def _identify(_candidate: Connection) -> Identity:
    return Identity("somebody")


@hookimpl
def register_connections(ctx: PluginContext) -> Sequence[OAuth2Connection]:
    """Let somebody connect, which nobody does."""
    url = ctx.settings.url  # type: ignore[attr-defined]
    return [
        OAuth2Connection(
            service="due",
            title="Due",
            base_url=url,
            authorize_url=f"{url}/authorize",
            token_url=f"{url}/token",
            client_id="client",
            client_secret=SecretStr("secret"),
            scopes=("all",),
            identify=_identify,
            requests_per_second=100,
        )
    ]


@hookimpl
def register_tasks(ctx: PluginContext) -> Sequence[Task]:  # noqa: ARG001 - hooks are called by name
    """Make one call for each connection."""

    async def sync(connection: Connection | None) -> None:
        if connection is not None:
            await connection.client.send_json("POST", "/items", {})

    return [Task("sync", every=86_400, run=sync, service="due")]

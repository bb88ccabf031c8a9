"""A plugin with integrations of every kind, installed by the tests as ``rallypoint_acme``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import SecretStr

from rallypoint.domains.integrations.api import (
    Action,
    Fact,
    Input,
    IntegrationSource,
    Section,
    Viewer,
    Went,
    return_url,
)
from rallypoint.sdk import (
    ApiKeyConnection,
    Conflict,
    Connection,
    Identity,
    OAuth2Connection,
    PluginContext,
    PluginSettings,
    RetryLater,
    hookimpl,
)

EVIL = "<script>alert('x')</script>\"'&<img src=x onerror=alert(1)>"
KEYS: dict[str, str] = {}
MODES: dict[str, str] = {}


class Settings(PluginSettings):
    api_url: str = "http://127.0.0.1:9"
    mail_url: str = "http://127.0.0.1:9"


@hookimpl
def register_settings() -> type[PluginSettings]:
    return Settings


@hookimpl
def register_connections(ctx: PluginContext) -> Sequence[ApiKeyConnection | OAuth2Connection]:
    async def identify(connection: Connection) -> str:
        return str((await connection.client.get_json("/me"))["name"])

    async def identify_mail(connection: Connection) -> Identity:
        return Identity(str((await connection.client.get_json("/me"))["email"]))

    settings = cast(Settings, ctx.settings)
    lists, url = f"{settings.api_url}/v1", settings.mail_url
    return [
        ApiKeyConnection("acme_lists", "Acme Lists", lists, lambda key: {"X-API-KEY": key}, identify),
        OAuth2Connection(
            service="acme_mail",
            title="Acme Mail",
            base_url=url,
            authorize_url=f"{url}/authorize",
            token_url=f"{url}/token",
            client_id="client-id",
            client_secret=SecretStr("client-secret"),
            scopes=("mail.read",),
            identify=identify_mail,
            summary="Letters from Acme.",
        ),
    ]


@hookimpl
def integration_status(ctx: PluginContext) -> Sequence[IntegrationSource]:
    def source(key: str, status: Any, section: Any) -> IntegrationSource:
        return IntegrationSource(key, key.title(), status=status, section=section)

    async def keys_status(viewer: Viewer) -> Mapping[str, Any]:
        return {"connected": viewer.user_id in KEYS, "apiKey": KEYS.get(viewer.user_id)}

    async def generate(viewer: Viewer, _values: Mapping[str, str]) -> Went:
        KEYS[viewer.user_id] = f"key_{viewer.user_number}_abcdef"
        return Went("Your key is ready.")

    async def revoke(viewer: Viewer, _values: Mapping[str, str]) -> Went:
        KEYS.pop(viewer.user_id, None)
        return Went("The key is gone.")

    async def set_mode(viewer: Viewer, values: Mapping[str, str]) -> Went:
        MODES[viewer.user_id] = values["mode"]
        return Went()

    async def leave(_viewer: Viewer, _values: Mapping[str, str]) -> Went:
        return Went(go_to="https://accounts.example.com/auth?a=1&b=\"'<2>")

    async def refuse(_viewer: Viewer, _values: Mapping[str, str]) -> Went:
        raise Conflict("Acme Keys is busy")

    async def later(_viewer: Viewer, _values: Mapping[str, str]) -> Went:
        raise RetryLater("not now", after=7)

    async def keys_section(viewer: Viewer) -> Section:
        mode = Input("mode", "Sync", kind="select", value=MODES.get(viewer.user_id, "one-way"),
                     choices=(("one-way", "One way"), ("two-way", "Both ways")))  # fmt: skip
        note = Input("note", "Note", required=False, max_length=5, hint="Five letters")
        extra = [Action(run.__name__, run.__name__, run) for run in (leave, refuse, later)]
        if viewer.user_id not in KEYS:
            return Section(
                "Keys", "Hands out keys.", actions=(Action("generate", "Generate", generate), *extra)
            )
        return Section(
            "Keys",
            state="connected",
            facts=(
                Fact("API key", KEYS[viewer.user_id], copy=True, secret=True),
                Fact("Address", return_url(ctx), copy=True),
                Fact("Made", at=1_766_399_400_000),
            ),
            actions=(
                Action("mode", "Save", set_mode, fields=(mode, note)),
                Action("revoke", "Revoke", revoke, confirm="Revoke the key?", style="danger"),
                *extra,
            ),
        )

    async def evil_status(_viewer: Viewer) -> Mapping[str, Any]:
        return {"connected": True, "account": EVIL}

    async def evil_section(_viewer: Viewer) -> Section:
        field = Input("evil", EVIL, value=EVIL, hint=EVIL, choices=((EVIL, EVIL),), kind="select")
        typed = Input("typed", EVIL, value=EVIL)
        action = Action("evil", EVIL, refuse, fields=(field, typed), confirm=EVIL)
        fact = Fact(EVIL, EVIL, copy=True)
        return Section(EVIL, EVIL, "connected", (fact, Fact(EVIL, EVIL, secret=True)), (action,), EVIL)

    return [source("acmeKeys", keys_status, keys_section), source("evil", evil_status, evil_section)]

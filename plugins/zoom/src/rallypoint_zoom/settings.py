"""The operator's settings: variables ``RALLYPOINT_ZOOM_…``, with booking.md's names as aliases."""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr

from rallypoint.sdk import Mode, PluginContext, PluginSettings

_URL = r"^https?://\S+$"


class ZoomSettings(PluginSettings):
    """A server-to-server OAuth app of a Zoom account, and where Zoom is."""

    account_id: str = Field(
        min_length=1,
        max_length=200,
        validation_alias=AliasChoices("RALLYPOINT_ZOOM_ACCOUNT_ID", "ZOOM_ACCOUNT_ID"),
        description="Of the app's credentials; also ZOOM_ACCOUNT_ID",
    )
    client_id: str = Field(
        min_length=1,
        max_length=200,
        validation_alias=AliasChoices("RALLYPOINT_ZOOM_CLIENT_ID", "ZOOM_API_KEY"),
        description="Of the app's credentials; also ZOOM_API_KEY",
    )
    client_secret: SecretStr = Field(
        min_length=1,
        max_length=200,
        validation_alias=AliasChoices("RALLYPOINT_ZOOM_CLIENT_SECRET", "ZOOM_API_SECRET"),
        description="Of the app's credentials; also ZOOM_API_SECRET",
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        validation_alias=AliasChoices("RALLYPOINT_ZOOM_WEBHOOK_SECRET", "ZOOM_WEBHOOK_SECRET_TOKEN"),
        description="The app's secret token, which signs events; without it none are taken;"
        " also ZOOM_WEBHOOK_SECRET_TOKEN",
    )
    host: str = Field(
        "",
        max_length=254,
        description="The host where nobody is named: an e-mail address; else the app's owner",
    )
    hosts: tuple[str, ...] = Field(
        (),
        max_length=1000,
        description="JSON list of who may be a host: addresses, or domains such as @example.com; empty: everyone",
    )
    api_url: str = Field("https://api.zoom.us/v2", pattern=_URL, description="Base URL of the API")
    token_url: str = Field("https://zoom.us/oauth/token", pattern=_URL, description="Issues tokens")
    sandbox_account_id: str = Field(
        "", max_length=200, description="Of another Zoom account, for the sandbox"
    )
    sandbox_client_id: str = Field("", max_length=200, description="Of an app in that account")
    sandbox_client_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        description="Of the same app; without all three the sandbox calls nobody",
    )

    def credentials(self, mode: Mode) -> tuple[str, str, SecretStr] | None:
        """Return account id, client id and secret for a mode; None for a sandbox without its own."""
        if mode == "live":
            return self.account_id, self.client_id, self.client_secret
        own = (self.sandbox_account_id, self.sandbox_client_id, self.sandbox_client_secret)
        return own if all((own[0], own[1], own[2].get_secret_value())) else None

    def may_host(self, email: str) -> bool:
        """Tell whether meetings may be made for an address."""
        allowed = {one.strip().lower() for one in self.hosts}
        address = email.strip().lower()
        return not allowed or address in allowed or f"@{address.rpartition('@')[2]}" in allowed


def settings_of(ctx: PluginContext) -> ZoomSettings:
    """Return the plugin's settings."""
    if not isinstance(ctx.settings, ZoomSettings):
        raise TypeError("the plugin was given another plugin's settings")
    return ctx.settings

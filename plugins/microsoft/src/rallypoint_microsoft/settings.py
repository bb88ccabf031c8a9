"""The operator's settings: variables ``RALLYPOINT_MICROSOFT_…``."""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr

from rallypoint.sdk import PluginContext, PluginSettings

_URL = r"^https?://\S+$"
_SIGN_IN = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"


class MicrosoftSettings(PluginSettings):
    """The registration with Microsoft, where Microsoft is, and how often it is asked."""

    client_id: str = Field(
        min_length=1,
        max_length=300,
        validation_alias=AliasChoices("RALLYPOINT_MICROSOFT_CLIENT_ID", "MICROSOFT_GRAPH_CLIENT_ID"),
        description="Of the application registered with Microsoft Entra; also MICROSOFT_GRAPH_CLIENT_ID",
    )
    client_secret: SecretStr = Field(
        min_length=1,
        max_length=300,
        validation_alias=AliasChoices("RALLYPOINT_MICROSOFT_CLIENT_SECRET", "MICROSOFT_GRAPH_CLIENT_SECRET"),
        description="A client secret's value of the same application; also MICROSOFT_GRAPH_CLIENT_SECRET",
    )
    tenant: str = Field(
        "common",
        pattern=r"^[A-Za-z0-9.-]{1,100}$",
        description="Who may sign in: common, organizations, consumers, or one directory's id or domain",
    )
    api_url: str = Field(
        "https://graph.microsoft.com/v1.0", pattern=_URL, description="Base URL of Microsoft Graph"
    )
    auth_url: str = Field(
        f"{_SIGN_IN}/authorize", pattern=_URL, description="Microsoft's consent page; {tenant} is filled in"
    )
    token_url: str = Field(
        f"{_SIGN_IN}/token", pattern=_URL, description="Issues tokens; {tenant} is filled in"
    )
    push: bool = Field(
        True, description="Ask Microsoft to announce changes, which it does to servers reached by https alone"
    )
    poll_seconds: float = Field(
        300.0, ge=1, description="Seconds between two looks at a calendar, whether or not pushes arrive"
    )
    look_back_days: int = Field(30, ge=0, le=365, description="How far back a calendar is read")
    look_ahead_days: int = Field(
        400, ge=60, le=1800, description="How far ahead a calendar is read; a monthly look moves it on"
    )
    page_size: int = Field(100, ge=1, le=500, description="Events asked for at once")
    requests_per_second: float = Field(50.0, gt=0, description="Pace of all calls, shared by the processes")


def settings_of(ctx: PluginContext) -> MicrosoftSettings:
    """Return the plugin's settings."""
    if not isinstance(ctx.settings, MicrosoftSettings):
        raise TypeError("the plugin was given another plugin's settings")
    return ctx.settings

"""The operator's settings: variables ``RALLYPOINT_GOOGLE_…``."""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr

from rallypoint.sdk import PluginContext, PluginSettings

_URL = r"^https?://\S+$"
_BULK = ("PROMOTIONS", "SOCIAL", "FORUMS", "UPDATES")


class GoogleSettings(PluginSettings):
    """The registration with Google, where Google is, and how often it is asked."""

    client_id: str = Field(
        min_length=1,
        max_length=300,
        validation_alias=AliasChoices("RALLYPOINT_GOOGLE_CLIENT_ID", "GOOGLE_API_CLIENT_ID"),
        description="Of the OAuth client registered with Google; also GOOGLE_API_CLIENT_ID",
    )
    client_secret: SecretStr = Field(
        min_length=1,
        max_length=300,
        validation_alias=AliasChoices("RALLYPOINT_GOOGLE_CLIENT_SECRET", "GOOGLE_API_CLIENT_SECRET"),
        description="Of the same client; also GOOGLE_API_CLIENT_SECRET",
    )
    api_url: str = Field(
        "https://www.googleapis.com", pattern=_URL, description="Base URL of the Calendar API"
    )
    gmail_api_url: str = Field(
        "https://gmail.googleapis.com", pattern=_URL, description="Base URL of the Gmail API"
    )
    auth_url: str = Field(
        "https://accounts.google.com/o/oauth2/v2/auth", pattern=_URL, description="Google's consent page"
    )
    token_url: str = Field("https://oauth2.googleapis.com/token", pattern=_URL, description="Issues tokens")
    revoke_url: str = Field(
        "https://oauth2.googleapis.com/revoke", pattern=_URL, description="Takes tokens back"
    )
    poll_seconds: float = Field(
        300.0, ge=1, description="Seconds between two looks at a calendar, whether or not pushes arrive"
    )
    gmail_poll_seconds: float = Field(60.0, ge=1, description="Seconds between two looks at a mailbox")
    gmail_skip_labels: tuple[str, ...] = Field(
        ("SENT", "DRAFT", "SPAM", "TRASH", *(f"CATEGORY_{name}" for name in _BULK)),
        max_length=50,
        description="JSON list: mail with one of these labels raises no event",
    )
    look_back_days: float = Field(
        30.0, ge=0, le=3650, description="How far back the first look at a calendar reaches"
    )
    push: bool = Field(
        True, description="Ask Google to announce changes, which it does to servers reached by https alone"
    )
    page_size: int = Field(250, ge=1, le=2500, description="Events asked for at once")
    requests_per_second: float = Field(50.0, gt=0, description="Pace of all calls, shared by the processes")


def settings_of(ctx: PluginContext) -> GoogleSettings:
    """Return the plugin's settings."""
    if not isinstance(ctx.settings, GoogleSettings):
        raise TypeError("the plugin was given another plugin's settings")
    return ctx.settings

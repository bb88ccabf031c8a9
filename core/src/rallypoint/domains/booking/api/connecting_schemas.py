"""The routes of connected calendars on the wire, as integrations.md shows them for Google."""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import BaseModel, Field

from rallypoint.domains.booking.api.calendars import SyncMode
from rallypoint.sdk import ValidationFailed

_BAD_MODE = "Invalid sync mode. Must be 'one-way' or 'two-way'"


class Callback(BaseModel):
    """What a provider sends the browser back with (RFC 6749 §4.1.2)."""

    state: str = Field("", max_length=2000)
    code: str = Field("", max_length=4096, description="Those of Microsoft may be over 2,000 long")
    error: str = Field("", max_length=200)


class AuthUrl(BaseModel):
    """Where the user consents."""

    authUrl: str = Field(examples=["https://accounts.google.com/o/oauth2/v2/auth?client_id=…&state=…"])  # noqa: N815


class Connecting(BaseModel):
    """A connection that waits for its user's consent."""

    success: Literal[True] = True
    data: AuthUrl

    @classmethod
    def of(cls, url: str) -> Connecting:
        """Return the reply with a URL."""
        return cls(data=AuthUrl(authUrl=url))


class Disconnected(BaseModel):
    """The calendar is not connected any more."""

    success: Literal[True] = True
    message: str = Field(examples=["Google Calendar disconnected successfully"])


class SettingsBody(BaseModel):
    """How the calendar is to be synced."""

    syncMode: Any = Field(None, json_schema_extra={"enum": ["one-way", "two-way"]})  # noqa: N815


class SyncModeOut(BaseModel):
    """How the calendar is synced."""

    syncMode: SyncMode  # noqa: N815


class SettingsOut(BaseModel):
    """The settings as they are now."""

    success: Literal[True] = True
    data: SyncModeOut

    @classmethod
    def of(cls, mode: SyncMode) -> SettingsOut:
        """Return the reply with a mode."""
        return cls(data=SyncModeOut(syncMode=mode))


def sync_mode_of(body: SettingsBody) -> SyncMode:
    """Return the mode asked for.

    Raises:
        ValidationFailed: It is none, with the documented text.
    """
    if body.syncMode not in ("one-way", "two-way"):
        raise ValidationFailed({"syncMode": [_BAD_MODE]}, _BAD_MODE)
    return cast(SyncMode, body.syncMode)

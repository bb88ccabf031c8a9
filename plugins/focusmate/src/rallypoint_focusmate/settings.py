"""The operator's settings: variables ``RALLYPOINT_FOCUSMATE_…``."""

from __future__ import annotations

from pydantic import Field

from rallypoint.sdk import PluginSettings


class FocusmateSettings(PluginSettings):
    """Where Focusmate is and how much of it is looked at."""

    api_url: str = Field(
        "https://api.focusmate.com/v1", pattern=r"^https?://\S+$", description="Base URL of the API"
    )
    sync_seconds: float = Field(60.0, ge=5, description="Seconds between two looks at a user's sessions")
    look_ahead_days: float = Field(30.0, gt=0, le=180, description="How far ahead sessions become rooms")
    look_back_days: float = Field(7.0, ge=0, le=180, description="How far back the first look reaches")
    room_name: str = Field("Focusmate session", min_length=1, max_length=200, description="Name of the rooms")

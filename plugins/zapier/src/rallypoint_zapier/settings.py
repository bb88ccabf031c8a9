"""The operator's settings: variables ``RALLYPOINT_ZAPIER_…``."""

from __future__ import annotations

from pydantic import Field

from rallypoint.sdk import PluginContext, PluginSettings


class ZapierSettings(PluginSettings):
    """How much one user may have."""

    max_subscriptions: int = Field(100, ge=1, le=10_000, description="Subscriptions that one key may have")
    keys_per_hour: int = Field(
        10, ge=1, le=1000, description="Keys that one user may have made in an hour, by revoking each"
    )


def settings_of(ctx: PluginContext) -> ZapierSettings:
    """Return the plugin's settings."""
    if not isinstance(ctx.settings, ZapierSettings):
        raise TypeError("the plugin was given another plugin's settings")
    return ctx.settings

"""Needs a setting that is not set"""

from rallypoint.sdk import PluginSettings, hookimpl


class Settings(PluginSettings):
    """Its settings."""

    api_key: str


@hookimpl
def register_settings():
    return Settings

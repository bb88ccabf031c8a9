"""Has a setting that is set to nonsense"""

from rallypoint.sdk import PluginSettings, hookimpl


class Settings(PluginSettings):
    """Its settings."""

    seconds: int = 1


@hookimpl
def register_settings():
    return Settings

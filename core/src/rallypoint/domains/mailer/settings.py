"""The operator's settings of the queue: variables ``RALLYPOINT_MAILER_…``."""

from __future__ import annotations

from pydantic import Field

from rallypoint.plugins.contributions import PluginSettings


class MailerSettings(PluginSettings):
    """How long messages wait and are kept."""

    transport: str = Field("", max_length=64, description="Which transport sends; the first one when empty")
    give_up_after: float = Field(
        3 * 86400.0, gt=0, description="Seconds after which a message that nobody takes is failed"
    )
    retention: float = Field(
        30 * 86400.0, gt=0, description="Seconds that sent, failed and recorded messages are kept"
    )
    timeout: float = Field(60.0, gt=0, le=120, description="Seconds for handing one message over")
    concurrency: int = Field(8, ge=1, le=64, description="Messages handed over at once")

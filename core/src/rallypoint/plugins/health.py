"""What plugins say of themselves: ``health`` for their status, ``diagnostics`` for ``plugin show``."""

from __future__ import annotations

from typing import Any

from rallypoint.plugins.contributions import Health
from rallypoint.plugins.plugins import Plugins
from rallypoint.plugins.redaction import redact, secrets_of

STAGE = "self-check"


async def check_health(plugins: Plugins) -> dict[str, Health]:
    """Ask every plugin how it is and put the answer into its status.

    Returns:
        What they said, by plugin; those that failed to answer show so in their status.
    """
    answers: dict[str, Health] = {}
    for outcome in await plugins.dispatch.call_all("health"):
        if not isinstance(outcome.value, Health):
            continue
        answers[outcome.plugin] = outcome.value
        if outcome.value.state == "degraded":
            value = outcome.value
            plugins.board.report(outcome.plugin, "degraded", STAGE, value.reason, value.remedy)
        else:
            plugins.board.clear(outcome.plugin, STAGE)
    return answers


async def diagnose(plugins: Plugins, name: str) -> Any:
    """Return a plugin's diagnostics with everything secret taken out; None when it has none.

    Raises:
        PluginError: As the plugin raised it.
        PluginFailed: It raised anything else, or took too long.
    """
    facts = await plugins.dispatch.call(name, "diagnostics")
    settings = next(plugin.ctx.settings for plugin in plugins.loaded if plugin.name == name)
    return redact(facts, secrets_of(settings))

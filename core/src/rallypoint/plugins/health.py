"""What plugins say of themselves: ``health`` for their status, ``diagnostics`` for ``plugin show``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from rallypoint.plugins.contributions import Health, PluginSettings
from rallypoint.plugins.plugins import Plugins

STAGE = "self-check"
REDACTED = "[redacted]"
MAX_DEPTH = 6
MAX_ITEMS = 100
MAX_TEXT = 2000
_SENSITIVE = re.compile(r"secret|token|passw|authori|credential|cookie|api_?key|private|signature", re.I)


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
    return redact(facts, _secrets(settings))


def redact(value: Any, secrets: Sequence[str] = (), depth: int = MAX_DEPTH) -> Any:
    """Return JSON-able data without secrets, cut to a size fit for showing.

    Args:
        value: Anything.
        secrets: Texts that must not appear anywhere.
        depth: How deep to look; what is deeper is left out.
    """
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        items = list(value.items())[:MAX_ITEMS]
        return {
            str(key): REDACTED if _SENSITIVE.search(str(key)) else redact(item, secrets, depth - 1)
            for key, item in items
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item, secrets, depth - 1) for item in list(value)[:MAX_ITEMS]]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text[:MAX_TEXT]


def _secrets(settings: PluginSettings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    texts = (value.get_secret_value() for value in values if isinstance(value, SecretStr))
    return [text for text in texts if text]

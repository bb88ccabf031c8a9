"""Takes secrets out of what operators are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from rallypoint.plugins.contributions import PluginSettings

REDACTED = "[redacted]"
MAX_DEPTH = 6
MAX_ITEMS = 100
MAX_TEXT = 2000
_SENSITIVE = re.compile(r"secret|token|passw|authori|credential|cookie|api_?key|private|signature", re.I)


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
    return hide(str(value), secrets)[:MAX_TEXT]


def hide(text: str, secrets: Sequence[str]) -> str:
    """Return ``text`` with every one of the secrets taken out."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def secrets_of(settings: PluginSettings) -> tuple[str, ...]:
    """Return the values of a plugin's secret settings, those that are empty left out."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    texts = (value.get_secret_value() for value in values if isinstance(value, SecretStr))
    return tuple(text for text in texts if text)

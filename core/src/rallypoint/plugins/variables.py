"""The environment variables behind a plugin's settings: for ``plugin show``, documentation and checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import AliasChoices, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from rallypoint.plugins.contributions import PluginSettings


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting of a plugin.

    Args:
        field: Its attribute.
        name: The environment variable.
        secret: Whether its value must never be shown.
        required: Whether there is no default.
        description: For people; may be empty.
    """

    field: str
    name: str
    secret: bool
    required: bool
    description: str


def prefix_of(plugin: str) -> str:
    """Return what the names of a plugin's variables begin with."""
    return f"RALLYPOINT_{plugin.upper()}_"


def variables(plugin: str, kind: type[PluginSettings]) -> list[Variable]:
    """Return the variables of a plugin's settings, in the order of their declaration."""
    return list(_each(prefix_of(plugin), kind))


def _each(prefix: str, kind: type[PluginSettings]) -> Iterator[Variable]:
    for name, field in kind.model_fields.items():
        yield Variable(
            field=name,
            name=_alias(field) or f"{prefix}{name.upper()}",
            secret=_is_secret(field.annotation),
            required=field.is_required(),
            description=field.description or "",
        )


def _alias(field: FieldInfo) -> str:
    alias = field.validation_alias
    first = alias.choices[0] if isinstance(alias, AliasChoices) else alias
    return first if isinstance(first, str) else ""


def _is_secret(annotation: Any) -> bool:
    return annotation in (SecretStr, SecretBytes) or any(_is_secret(part) for part in get_args(annotation))

"""What a section and its forms may hold, and what people sent in them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rallypoint.domains.integrations.api import Action, Input, Section
from rallypoint.errors import ValidationFailed

_ACTION = re.compile(r"[a-z][a-z0-9-]{0,39}")
_INPUT = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = frozenset({"csrf", "confirmed"})


def check_section(section: object) -> Section:
    """Return a section that can be shown.

    Raises:
        TypeError: It is something else.
        ValueError: A name in it is malformed or there twice, or a choice has no choices.
    """
    if not isinstance(section, Section):
        raise TypeError(f"section must return a Section, not {type(section).__name__}")
    _check_names("action", [action.name for action in section.actions], _ACTION)
    for action in section.actions:
        _check_names("field", [field.name for field in action.fields], _INPUT)
        for field in action.fields:
            if field.name in TAKEN or (field.kind == "select" and not field.choices):
                raise ValueError(f"the field {field.name!r} is taken, or a select without choices")
    return section


def _check_names(what: str, names: list[str], pattern: re.Pattern[str]) -> None:
    for name in names:
        if not pattern.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a section's {what}")
        if names.count(name) > 1:
            raise ValueError(f"a section has two of the {what} {name!r}")


def read_form(action: Action, sent: Mapping[str, str]) -> dict[str, str]:
    """Return the values of an action's fields, and of nothing else.

    Raises:
        ValidationFailed: One is missing, too long or not among its choices.
    """
    values = {field.name: sent.get(field.name, "").replace("\r\n", "\n") for field in action.fields}
    problems = {field.name: [text] for field in action.fields if (text := _wrong(field, values[field.name]))}
    if problems:
        raise ValidationFailed(problems)
    return values


def _wrong(field: Input, value: str) -> str:
    if field.required and not value.strip():
        return "Please fill this in"
    if len(value) > field.max_length:
        return f"This may have {field.max_length} characters"
    if not value.isprintable():
        return "This has characters that cannot be typed"
    if field.kind == "select" and value not in (choice for choice, _ in field.choices):
        return "Please choose one of these"
    return ""

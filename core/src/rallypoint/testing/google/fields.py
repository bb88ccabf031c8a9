"""Partial replies: the ``fields`` parameter of Google's APIs, ``a,b(c,d),e/f``.

https://developers.google.com/workspace/calendar/api/guides/performance#partial
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rallypoint.testing.google.errors import invalid

Mask = Mapping[str, "Mask"]
"""What to keep of an object; an empty mask keeps all of it."""

_TOKEN = re.compile(r"[A-Za-z0-9_*]+|[(),/]")


def parse(text: str) -> Mask:
    """Read a ``fields`` parameter.

    Raises:
        Refusal: It is malformed.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text or not tokens:
        raise invalid("Invalid field selection", "fields")
    stream = iter([*tokens, ""])
    mask, end = _list(stream)
    if end:
        raise invalid("Invalid field selection", "fields")
    return mask


def select(value: Any, mask: Mask) -> Any:
    """Return what ``mask`` keeps of ``value``; lists are gone through."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [select(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: select(member, mask[name]) for name, member in value.items() if name in mask}


def _list(stream: Iterator[str]) -> tuple[Mask, str]:
    mask: dict[str, Mask] = {}
    while True:
        name = next(stream)
        if not name or name in "(),/":
            raise invalid("Invalid field selection", "fields")
        mask[name], end = _inner(stream)
        if end != ",":
            return mask, end


def _inner(stream: Iterator[str]) -> tuple[Mask, str]:
    following = next(stream)
    if following == "(":
        inner, end = _list(stream)
        if end != ")":
            raise invalid("Invalid field selection", "fields")
        return inner, next(stream)
    if following == "/":
        name = next(stream)
        deeper, end = _inner(stream)
        return {name: deeper}, end
    return {}, following

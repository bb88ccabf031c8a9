"""What Zoom accepts of a meeting, for the stand-in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from aiohttp import web

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?")
_MOST_MINUTES = 1440


def refusal(status: int, code: int, message: str, **more: Any) -> web.HTTPException:
    """Return a refusal in Zoom's shape, to be raised."""
    text = json.dumps({"code": code, "message": message, **more})
    kind = _KINDS[status]
    return kind(text=text, content_type="application/json")


def meeting_problems(body: Any, *, partial: bool) -> list[dict[str, str]]:
    """Return what is wrong with a meeting's body, in Zoom's shape; ``partial`` for a change."""
    if not isinstance(body, Mapping):
        return [{"field": "", "message": "Invalid body."}]
    problems = [
        {"field": name, "message": "Invalid field."}
        for name, holds in _RULES.items()
        if name in body and not holds(body[name])
    ]
    wanted = set() if partial else {"topic", "type", "start_time", "duration"}
    problems += [{"field": name, "message": "Field is required."} for name in sorted(wanted - set(body))]
    return problems


def _text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= most


def _number(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _time(value: Any) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _zone(value: Any) -> bool:
    return isinstance(value, str) and value in available_timezones()


def _settings(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(name, True), bool) for name in _SWITCHES)


_SWITCHES = ("host_video", "participant_video", "join_before_host", "waiting_room")
_RULES: Mapping[str, Callable[[Any], bool]] = {
    "topic": _text(200),
    "agenda": _text(2000),
    "password": _text(10),
    "type": _number(1, 10),
    "duration": _number(1, _MOST_MINUTES),
    "start_time": _time,
    "timezone": _zone,
    "settings": _settings,
}
_KINDS: Mapping[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    401: web.HTTPUnauthorized,
    404: web.HTTPNotFound,
    415: web.HTTPUnsupportedMediaType,
}

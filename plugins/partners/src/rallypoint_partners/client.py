"""A partner's API, by its configuration."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from rallypoint.sdk import Client, PermanentFailure, RetryLater
from rallypoint_partners.config import ApiConfig
from rallypoint_partners.pace import Pace
from rallypoint_partners.pointer import resolve
from rallypoint_partners.settings import Access

_MAX_PAGES = 100
_NAME = re.compile(r"\{(\w+)\}")


class PartnerClient:
    """Calls one partner, under its limit; errors as ``rallypoint.sdk.Client`` says.

    Args:
        client: Signed in.
        config: Paths and shapes.
    """

    def __init__(self, client: Client, config: ApiConfig) -> None:
        self._client = client
        self._config = config
        self._pace = Pace(config.rate_limit_per_minute)

    async def sessions(self) -> AsyncIterator[Any]:
        """Yield the partner's sessions, page by page, a hundred pages at most."""
        params: dict[str, str] = {}
        for number in range(1, _MAX_PAGES + 1):
            if self._config.page.style == "page":
                params = {self._config.page.parameter: str(number)}
            reply = await self._get(_filled(self._config.list), params)
            items = resolve(reply, self._config.items)
            if not isinstance(items, list):
                raise RetryLater("the partner's list cannot be read")
            for item in items:
                yield item
            following = self._next(reply, items)
            if following is None:
                return
            params = following

    async def session(self, session_id: str) -> Any:
        """Return one session."""
        reply = await self._get(_filled(self._config.get, id=session_id), {})
        return resolve(reply, self._config.item)

    async def add_participant(self, session_id: str, user_id: str) -> None:
        """Tell the partner of a newcomer; 409 says that it knows already, as after a repeated event."""
        values = {"id": session_id, "user_id": user_id}
        body = {key: _replaced(text, values) for key, text in self._config.participant.items()}
        await self._pace.turn()
        try:
            await self._client.send_json("POST", _filled(self._config.add_participant, **values), body)
        except PermanentFailure as error:
            if error.status != 409:
                raise

    async def remove_participant(self, session_id: str, user_id: str) -> None:
        """Tell the partner that somebody left."""
        path = _filled(self._config.remove_participant, id=session_id, user_id=user_id)
        await self._pace.turn()
        await self._client.send_json("DELETE", path)

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:
        await self._pace.turn()
        return await self._client.get_json(path, params=params)

    def _next(self, reply: Any, items: list[Any]) -> dict[str, str] | None:
        page = self._config.page
        if page.style == "page":
            return {} if items else None
        cursor = resolve(reply, page.next) if page.style == "cursor" else None
        return {page.parameter: str(cursor)} if cursor else None


def authorize(config: ApiConfig, access: Access) -> Mapping[str, str]:
    """Return the header that carries the operator's key; none without a key."""
    key = access.api_key.get_secret_value()
    return {config.auth_header: f"{config.auth_scheme} {key}".strip()} if key else {}


def _filled(template: str | None, **values: str) -> str:
    if template is None:
        raise LookupError("the partner's configuration has no such path")
    return _replaced(template, {name: quote(value, safe="") for name, value in values.items()})


def _replaced(text: str, values: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: values.get(found[1], found[0]), text)

from __future__ import annotations

import pytest

from .asgi import BEARER, ask
from .conftest import House

PREFIXES = ["/api/v1/rooms", "/integrations", "/api/practitioners", "/api/sessions", "/api/session"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_route_answers_what_its_handler_returns(house: House, prefix: str) -> None:
    got = await ask(house.web.asgi, "GET", f"{prefix}/items?limit=2", headers=BEARER)
    assert got.status == 200
    assert got.json() == {"data": [{"name": "0", "size": 0}, {"name": "1", "size": 1}], "next": None}
    assert got.headers["content-type"] == "application/json"
    assert got.headers["content-length"] == str(len(got.body))

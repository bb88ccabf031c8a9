"""Routes whose callers show a key in a header of its own."""

from __future__ import annotations

from pydantic import BaseModel

from rallypoint.errors import Unauthorized
from rallypoint.identity.api import Principal
from rallypoint.settings import Settings
from rallypoint.web.limits import Limiter
from rallypoint.web.routing import Call, HeaderKey, Reply, Routes

from .asgi import BEARER, ask
from .conftest import House

KEY = {"X-Acme-Key": "acme-1"}
PATH = "/integrations/acme/things"


class Thing(BaseModel):
    number: int
    by: str


async def identify(shown: str) -> Principal:
    if shown not in {"acme-1", "acme-2"}:
        raise Unauthorized("The key is not valid")
    return Principal("u-7", 7, "a-7", "user", "live", shown)


def mount(house: House) -> None:
    made: list[str] = []
    routes = Routes("/integrations/acme", key=HeaderKey("X-Acme-Key", identify, "From the settings page"))

    @routes.add("POST", "/things", summary="Make a thing", replies={201: Thing}, idempotent=True)
    async def make(call: Call) -> Reply:
        made.append("thing")
        return Reply(Thing(number=len(made), by=call.caller.user_id), 201)

    house.web.mount(routes)


async def test_the_key_says_who_calls(house: House) -> None:
    mount(house)
    got = await ask(house.web.asgi, "POST", PATH, headers=KEY)
    assert (got.status, got.json()) == (201, {"number": 1, "by": "u-7"})


async def test_without_a_key_that_holds_nobody_calls(house: House) -> None:
    mount(house)
    for headers in ({}, {"X-Acme-Key": "other"}, {"X-Acme-Key": ""}, {"X-Acme-Key": "a" * 5000}, BEARER):
        got = await ask(house.web.asgi, "POST", PATH, headers=headers)
        assert (got.status, got.json()["error"]["code"]) == (401, "UNAUTHORIZED")


async def test_a_repeated_request_is_known_by_its_key(house: House) -> None:
    mount(house)
    headers = {**KEY, "Idempotency-Key": "k"}
    first, second = [await ask(house.web.asgi, "POST", PATH, headers=headers) for _ in range(2)]
    assert first.body == second.body
    assert second.headers["idempotency-replayed"] == "true"


async def test_each_key_has_a_limit_of_its_own(house: House, settings: Settings) -> None:
    few = settings.model_copy(update={"limit_api": "2/minute"})
    house.limiter._items["api"] = Limiter.from_settings(few)._items["api"]
    mount(house)
    statuses = [(await ask(house.web.asgi, "POST", PATH, headers=KEY)).status for _ in range(3)]
    assert statuses == [201, 201, 429]
    assert (await ask(house.web.asgi, "POST", PATH, headers={"X-Acme-Key": "acme-2"})).status == 201


async def test_the_documentation_names_the_header(house: House) -> None:
    mount(house)
    document = house.openapi()
    assert document["paths"][PATH]["post"]["security"] == [{"x-acme-key": []}]
    assert "401" in document["paths"][PATH]["post"]["responses"]
    scheme = document["components"]["securitySchemes"]["x-acme-key"]
    assert scheme == {
        "type": "apiKey",
        "in": "header",
        "name": "X-Acme-Key",
        "description": "From the settings page",
    }

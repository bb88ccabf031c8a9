from __future__ import annotations

from typing import Any

import pytest

from rallypoint.errors import Unauthorized
from rallypoint.plugins.contributions import ApiKeyConnection, EventType, TargetKind, Task, WebhookSource
from rallypoint.plugins.loaded import Contributions
from rallypoint.plugins.manifest import Manifest
from rallypoint.plugins.registry import Registry
from rallypoint.plugins.territory import covers, reaches_into, topics_meet
from rallypoint.realtime.channel import Channel, Join, Joined
from rallypoint.web.routing import Call, Reply, Route


def manifest(name: str, *prefixes: str, **values: Any) -> Manifest:
    paths = [{"path": prefix} for prefix in prefixes or (f"/{name}",)]
    return Manifest.model_validate({"name": name, "title": name, "prefixes": paths, **values})


async def handler(call: Call) -> Reply:
    return Reply()


def route(path: str, method: str = "GET") -> Route:
    return Route(method, path, handler, "A route", {200: None})


def source(provider: str, path: str) -> WebhookSource:
    def verify(_inbound: object) -> None:
        raise Unauthorized("no")

    async def handle(_inbound: object) -> None: ...

    return WebhookSource(provider, path, verify, lambda _inbound: "1", handle)


def connection(service: str) -> ApiKeyConnection:
    async def identify(_connection: object) -> str:
        return ""

    return ApiKeyConnection(service, service, "https://example.com", lambda _key: {}, identify)


async def run(_connection: object) -> None: ...


def channel(topic: str) -> Channel:
    class Its(Channel):
        pattern = topic

        async def join(self, join: Join) -> Joined:
            return Joined()

    return Its()


async def no_headers(_targets: object) -> dict[str, dict[str, str]]:
    return {}


class Greeter:
    """A service."""


EVERYTHING = Contributions(
    models="first.models",
    tables=("first_things",),
    events=(EventType("first.done", "Done"),),
    services={Greeter: Greeter()},
    connections=(connection("shared"),),
    routes=(route("/first/things/<thing>"),),
    webhooks=(source("shared", "/first/hook"),),
    tasks=(Task("sync", 1, run),),
    channels=(channel("first:{id}"),),
)


@pytest.fixture
def registry() -> Registry:
    made = Registry(
        routes=[("GET", "/health")], prefixes=["/api/plugins"], tables=["users"], topics=["user:{id}"]
    )
    first = manifest("first", commands=[{"name": "go", "help": "Go", "target": "first:go"}])
    assert made.problems(first, EVERYTHING) == []
    made.accept(first, EVERYTHING)
    return made


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"services": {Greeter: Greeter()}}, "test_registry.Greeter, which first has"),
        ({"connections": (connection("shared"),)}, "claims the connection service shared, which first has"),
        (
            {"webhooks": (source("shared", "/second/hook"),)},
            "claims the webhook provider shared, which first has",
        ),
        ({"events": (EventType("first.done", "x"),)}, "claims the event first.done, which first has"),
        ({"channels": (channel("first:{other}"),)}, "the topic first:{other}, which first has as first:{id}"),
        ({"channels": (channel("user:me"),)}, "claims the topic user:me, which the core has as user:{id}"),
        ({"routes": (route("/elsewhere"),)}, "has the route GET /elsewhere under none of its prefixes"),
        ({"routes": (route("/first/x"),)}, "has the route GET /first/x under /first, which first has"),
        (
            {"webhooks": (source("x", "/first/x"),)},
            "has the route POST /first/x under /first, which first has",
        ),
        ({"routes": (route("/second/a"), route("/second/a"))}, "claims the route GET /second/a twice"),
        ({"routes": (route("/second/<a>"), route("/second/<b>"))}, "claims the route GET /second/<> twice"),
        ({"tasks": (Task("sync", 1, run), Task("sync", 2, run))}, "second has two tasks called sync"),
        (
            {"models": "m", "tables": ("things",)},
            "the table things of second neither starts with second_ nor",
        ),
        (
            {"target_kinds": (TargetKind("first.hook", no_headers),)},
            "the kind of targets first.hook of second does not start with second.",
        ),
        (
            {"target_kinds": (TargetKind("second.hook", no_headers),) * 2},
            "claims the kind of targets second.hook twice",
        ),
    ],
)
def test_a_collision_names_both_owners(registry: Registry, values: dict[str, Any], problem: str) -> None:
    problems = registry.problems(manifest("second"), Contributions(**values))
    assert any(problem in text and "second" in text for text in problems), problems


@pytest.mark.parametrize(
    ("claims", "values", "problem"),
    [
        (manifest("second", "/first"), {}, "second claims the prefix /first, which first has"),
        (manifest("second", "/api/plugins"), {}, "claims the prefix /api/plugins, which the core has"),
        (
            manifest("second", "/first/things"),
            {},
            "/first/things, where first has the route GET /first/things/<>",
        ),
        (
            manifest("second", "/health"),
            {"routes": (route("/health"),)},
            "the route GET /health, which the core has",
        ),
        (
            manifest("second", table_prefix="first_extra_"),
            {"models": "m"},
            "first_extra_ of second overlaps first_ of first",
        ),
        (
            manifest("second", table_prefix="us"),
            {"models": "m"},
            "us of second covers the core's table users",
        ),
        (
            manifest("second", tables=["first_things"]),
            {"models": "m", "tables": ("first_things",)},
            "second names the table first_things, which the table prefix first_ of first covers",
        ),
        (
            manifest("second", tables=["users"]),
            {"models": "m", "tables": ("users",)},
            "second claims the table users, which the core has",
        ),
        (
            manifest("second", commands=[{"name": "go", "help": "Go", "target": "x:y"}]),
            {},
            "second claims the command go, which first has",
        ),
    ],
)
def test_a_manifest_may_collide_too(registry, claims: Manifest, values: dict[str, Any], problem: str) -> None:
    problems = registry.problems(claims, Contributions(**values))
    assert any(problem in text for text in problems), problems


def test_neighbours_that_share_nothing_are_fine(registry: Registry) -> None:
    nested = manifest("second", "/first/other", "/firsts")
    parts = Contributions(
        routes=(route("/first/other/<id>"), route("/firsts")), channels=(channel("first:lobby:{id}"),)
    )
    assert registry.problems(nested, parts) == []


def test_a_named_table_lies_outside_the_prefix_and_is_nobody_elses(registry: Registry) -> None:
    named, parts = manifest("second", tables=["bookings"]), Contributions(models="m", tables=("bookings",))
    assert registry.problems(named, parts) == []
    registry.accept(named, parts)
    for third in (manifest("third", tables=["bookings"]), manifest("third", table_prefix="book")):
        (problem,) = registry.problems(third, Contributions(models="m", tables=third.tables))
        assert "bookings" in problem
        assert "second" in problem


def test_what_is_released_can_be_claimed_again(registry: Registry) -> None:
    registry.release("first")
    assert registry.problems(manifest("first"), EVERYTHING) == []


def test_whole_segments_only() -> None:
    assert covers("/api/session", "/api/session/me")
    assert not covers("/api/session", "/api/sessions")
    assert reaches_into("/rooms/<id>/join", "/rooms/mine")
    assert not reaches_into("/rooms", "/rooms/mine")
    assert topics_meet("room:{id}", "room:lobby")
    assert not topics_meet("room:{id}", "room:{id}:chat")

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.errors import ApiError, Conflict, NotFound, RateLimited, Unauthorized, ValidationFailed
from rallypoint.web.envelopes import BY_NAME, Envelopes

from .asgi import BEARER, ask
from .conftest import House

FIELDS = ValidationFailed({"name": ["is too short", "is odd"]}, "Wrong")


@pytest.mark.parametrize(
    ("name", "error", "status", "body"),
    [
        (
            "data",
            Conflict("Full", code="ROOM_FULL", details={"max": 10}),
            409,
            {"error": {"code": "ROOM_FULL", "message": "Full", "details": {"max": 10}}},
        ),
        (
            "data",
            FIELDS,
            400,
            {
                "error": {
                    "code": "VALIDATION_FAILED",
                    "message": "Wrong",
                    "details": {"name": ["is too short", "is odd"]},
                }
            },
        ),
        (
            "success",
            NotFound("None"),
            404,
            {"success": False, "error": {"code": "NOT_FOUND", "message": "None", "details": {}}},
        ),
        ("inbox", NotFound("None"), 404, {"error": {"message": "None", "code": "NOT_FOUND", "status": 404}}),
        (
            "inbox",
            Conflict("Full", details={"max": 1}),
            409,
            {"error": {"message": "Full", "code": "CONFLICT", "status": 409, "details": {"max": 1}}},
        ),
        (
            "inbox",
            FIELDS,
            422,
            {
                "errors": {"name": ["is too short", "is odd"]},
                "error": {"message": "Wrong", "code": "VALIDATION_FAILED", "status": 422},
            },
        ),
        ("plain", NotFound("None"), 404, {"error": "None"}),
        ("plain", FIELDS, 400, {"error": "Wrong", "details": {"name": ["is too short", "is odd"]}}),
        (
            "watch",
            FIELDS,
            400,
            {"error": "Validation failed", "message": "Wrong", "details": {"name": "is too short"}},
        ),
        (
            "watch",
            RateLimited("Slowly", retry_after=3),
            429,
            {"error": "Rate limit exceeded", "message": "Slowly", "details": {}},
        ),
        (
            "watch",
            Unauthorized("Who?"),
            401,
            {"error": "Authentication failed", "message": "Who?", "details": {}},
        ),
        (
            "watch",
            NotFound("Gone", code="SESSION_NOT_FOUND"),
            404,
            {"error": "Session not found", "message": "Gone", "details": {}},
        ),
    ],
)
def test_every_envelope_has_its_documented_error(name: Any, error: ApiError, status: int, body: Any) -> None:
    assert BY_NAME[name].error(error) == (status, body)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "data"),
        ("/nothing", "data"),
        ("/apis", "data"),
        ("/api", "inbox"),
        ("/api/unknown/deep", "inbox"),
        ("/api/v1/me", "data"),
        ("/api/plugins/x/resume", "data"),
        ("/api/session", "inbox"),
        ("/api/session/renew", "inbox"),
        ("/api/sessions", "watch"),
        ("/api/sessions/1", "watch"),
        ("/api/sessionsx", "inbox"),
        ("no slash at all", "data"),
    ],
)
def test_the_longest_prefix_of_whole_segments_wins(path: str, name: str) -> None:
    envelopes = Envelopes()
    envelopes.add("/api/sessions", "watch")
    assert envelopes.of(path).name == name


@given(st.text())
def test_any_path_has_an_envelope(path: str) -> None:
    assert Envelopes().of(path).name in BY_NAME


def test_a_prefix_is_claimed_once() -> None:
    envelopes = Envelopes()
    envelopes.add("/api/v1/rooms", "data")
    envelopes.add("/api/v1/rooms", "data")
    with pytest.raises(ValueError, match="has the envelope data already"):
        envelopes.add("/api/v1/rooms", "plain")
    with pytest.raises(ValueError, match="no envelope 'xml'"):
        envelopes.add("/x", "xml")  # type: ignore[arg-type]
    for malformed in ("x", "/x/", "/"):
        with pytest.raises(ValueError, match="must start with a slash"):
            envelopes.add(malformed, "data")


SHAPES = {
    "/api/v1/rooms": lambda body: body["error"]["code"],
    "/integrations": lambda body: body["success"] is False and body["error"]["code"],
    "/api/practitioners": lambda body: isinstance(body["error"], str) and "plain",
    "/api/sessions": lambda body: isinstance(body["error"], str) and body["message"] and "watch",
    "/api/session": lambda body: body["error"]["status"] and body["error"]["code"],
    "/elsewhere": lambda body: body["error"]["code"],
}


@pytest.mark.parametrize("prefix", SHAPES)
async def test_errors_before_any_view_have_the_envelope_of_their_path(house: House, prefix: str) -> None:
    shape = SHAPES[prefix]
    wanted = {"/api/practitioners": "plain", "/api/sessions": "watch"}.get(prefix)
    got = await ask(house.web.asgi, "GET", f"{prefix}/nowhere")
    assert (got.status, shape(got.json())) == (404, wanted or "NOT_FOUND")
    got = await ask(house.web.asgi, "POST", f"{prefix}/items", body=b"x" * 3000, headers=BEARER)
    assert (got.status, shape(got.json())) == (413, wanted or "TOO_LARGE")
    if prefix == "/elsewhere":
        return
    got = await ask(house.web.asgi, "PATCH", f"{prefix}/items", headers=BEARER)
    assert (got.status, shape(got.json())) == (405, wanted or "METHOD_NOT_ALLOWED")
    assert got.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"
    got = await ask(house.web.asgi, "GET", f"{prefix}/items")
    assert (got.status, shape(got.json())) == (401, wanted or "UNAUTHORIZED")
    assert got.headers["www-authenticate"] == "Bearer"
    got = await ask(
        house.web.asgi,
        "POST",
        f"{prefix}/items",
        body=b"a=b",
        headers={**BEARER, "content-type": "text/plain"},
    )
    assert (got.status, shape(got.json())) == (415, wanted or "UNSUPPORTED_MEDIA_TYPE")

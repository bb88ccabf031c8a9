"""Routes that carry pages: forms, cookies, redirects, files, and errors as documents."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, Field

from rallypoint.errors import BadRequest, Conflict
from rallypoint.web.assets import Assets
from rallypoint.web.fields import Body
from rallypoint.web.pages import STYLE, page, see
from rallypoint.web.requests import parse_form
from rallypoint.web.routing import Access, Call, Cookie, Reply, Routes

from .asgi import BEARER, Got, ask
from .conftest import House

FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


class Sent(Body):
    model_config = ConfigDict(extra="allow")

    name: str = Field(max_length=5)
    size: int = 1


@pytest_asyncio.fixture
async def pages(house: House) -> House:
    house.web.envelopes.add("/pages", "page")
    routes = Routes("/pages", limit="none", documented=False)

    @routes.add("GET", "", summary="Show", replies={200: None}, access=Access.PUBLIC)
    async def show(call: Call) -> Reply:
        secure = Cookie("b", 'x "y"; z', "/pages", max_age=60, secure=True)
        return page(f"<p>{sorted(call.cookies.items())}</p>", cookies=[Cookie("a", "1", "/pages"), secure])

    @routes.add("POST", "", summary="Send", form=Sent, replies={303: None}, access=Access.PUBLIC)
    async def send(_call: Call, *, form: Sent) -> Reply:
        if form.name == "taken":
            raise Conflict("<b>taken</b>")
        return see(
            f"/pages?{form.name}-{form.size}-{form.model_extra}", cookies=[Cookie("a", "", "/pages", 0)]
        )

    house.web.mount(routes)
    return house


async def send(house: House, body: bytes, headers: dict[str, str] | None = None) -> Got:
    return await ask(
        house.web.asgi, "POST", "/pages", body=body, headers=FORM if headers is None else headers
    )


async def test_a_form_reaches_its_handler_as_a_model(pages: House) -> None:
    got = await send(pages, b"name=a%20b&size=3&other=%C3%BC&other=last")
    assert (got.status, got.headers["location"]) == (303, "/pages?a b-3-{'other': 'last'}")
    assert got.headers["set-cookie"].startswith("a=; ")
    assert "Max-Age=0" in got.headers["set-cookie"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"name=toolong", None, 400),
        (b"size=1", None, 400),
        (b"name=a&size=x", None, 400),
        (b"", None, 400),
        (b"&".join(b"f%d=1" % number for number in range(101)), None, 400),
        (b"name=a", {"content-type": "text/plain"}, 415),
        (b'{"name": "a"}', {"content-type": "application/json"}, 415),
        (b"name=a", {}, 415),
        (b"name=taken", None, 409),
        (b"name=" + b"a" * 3000, None, 413),
    ],
)
async def test_a_form_that_is_wrong_is_answered_with_a_page(
    pages: House, body: bytes, headers: Any, status: int
) -> None:
    got = await send(pages, body, headers)
    assert (got.status, got.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "default-src 'none'" in got.headers["content-security-policy"]
    assert "<b>" not in got.body.decode()


async def test_cookies_come_in_and_go_out(pages: House) -> None:
    cookies: list[bytes] = []
    scope = {
        "type": "http", "method": "GET", "path": "/pages", "query_string": b"", "scheme": "http",
        "headers": [(b"cookie", b'a=1; b="x y"; =; c')], "client": ("203.0.113.9", 1),
    }  # fmt: skip
    body = b""

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        nonlocal body
        cookies.extend(value for name, value in message.get("headers", ()) if name == b"set-cookie")
        body += message.get("body", b"")

    await pages.web.asgi(scope, receive, send)
    assert cookies[0] == b"a=1; HttpOnly; Path=/pages; SameSite=Lax"
    assert b"Max-Age=60" in cookies[1]
    assert b"Secure" in cookies[1]
    assert b"; z;" not in cookies[1], "a value cannot add attributes"
    assert b"('a', '1')" in body
    assert b"('b', 'x y')" in body


async def test_pages_are_not_documented_and_no_other_origin_reads_them(pages: House) -> None:
    assert "/pages" not in pages.openapi()["paths"]
    origin = {"origin": "http://localhost:5173"}
    got = await ask(pages.web.asgi, "GET", "/api/v1/rooms/items", headers={**BEARER, **origin})
    assert got.headers["access-control-allow-origin"] == "http://localhost:5173"
    refused = await send(pages, b"", {**FORM, **origin})
    assert "access-control-allow-origin" not in refused.headers


async def test_unknown_paths_and_methods_below_a_page_are_pages(pages: House) -> None:
    for method, path, status in (("GET", "/pages/none", 404), ("PUT", "/pages", 405)):
        got = await ask(pages.web.asgi, method, path)
        assert (got.status, got.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert STYLE.url("page.css").encode() in got.body


@given(st.binary(max_size=300) | st.text(alphabet="name=&%+ü\x00size1", max_size=60).map(str.encode))
def test_whatever_a_form_sends_is_read_or_refused(raw: bytes) -> None:
    try:
        form = parse_form(Sent, raw, FORM["content-type"])
    except BadRequest:
        return
    assert isinstance(form, Sent)
    assert len(form.name) <= 5


def test_the_address_of_a_file_changes_with_its_content(tmp_path: Any) -> None:
    def url() -> str:
        return Assets(tmp_path, "/files").url("a.css")

    (tmp_path / "a.css").write_text("a {}")
    (tmp_path / "secret.toml").write_text("no page's file")
    first = url()
    assert first == url()
    (tmp_path / "a.css").write_text("b {}")
    assert first != url()
    with pytest.raises(KeyError):
        Assets(tmp_path, "/files").url("secret.toml")

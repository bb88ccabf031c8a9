from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from tests.support.conformance import serving

from rallypoint.web.docs import docs_routes
from rallypoint.web.openapi import document
from rallypoint.web.postman import collection
from rallypoint.web.routing import Access, Call, Reply, Routes

from .asgi import ask
from .conftest import House

ITEMS = "/api/v1/rooms/items"


@pytest.fixture
def api(house: House) -> Any:
    return house.openapi("https://x.example")


def test_an_operation_names_every_error_it_may_answer(api: Any) -> None:
    assert api["openapi"] == "3.1.0"
    assert api["info"]["version"] == "1.2.3"
    assert api["servers"] == [{"url": "https://x.example"}]
    statuses = {
        (path, method): set(operation["responses"])
        for path, operations in api["paths"].items()
        for method, operation in operations.items()
    }
    assert statuses[(ITEMS, "get")] == {"200", "400", "401", "429", "500", "503"}
    assert statuses[(ITEMS, "post")] == {"201", "400", "401", "408", "409", "413", "415", "429", "500", "503"}
    assert statuses[(ITEMS, "delete")] == {"200", "401", "403", "408", "413", "500", "503"}
    assert statuses[(f"{ITEMS}/{{item_id}}", "get")] == {"200", "404", "429", "500", "503"}
    assert "422" in statuses[("/api/session/items", "get")]


def test_errors_have_the_schema_of_their_envelope(api: Any) -> None:
    shown = {
        prefix: api["paths"][f"{prefix}/items"]["get"]["responses"]["401"]["$ref"]
        for prefix in (
            "/api/v1/rooms",
            "/integrations",
            "/api/practitioners",
            "/api/sessions",
            "/api/session",
        )
    }
    assert [ref.rpartition("/")[2] for ref in shown.values()] == [
        "data.401", "success.401", "plain.401", "watch.401", "inbox.401",
    ]  # fmt: skip
    response = api["components"]["responses"]["plain.401"]
    assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/PlainError"}
    assert "WWW-Authenticate" in response["headers"]
    assert "Retry-After" in api["components"]["responses"]["data.429"]["headers"]


def test_parameters_and_bodies_come_from_the_models(api: Any) -> None:
    listing = {parameter["name"]: parameter for parameter in api["paths"][ITEMS]["get"]["parameters"]}
    assert listing["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    assert listing["after"]["schema"] == {"type": "string"}
    making = api["paths"][ITEMS]["post"]
    assert [parameter["name"] for parameter in making["parameters"]] == ["Idempotency-Key"]
    assert making["requestBody"]["required"] is True
    assert making["security"] == [{"bearer": []}]
    reading = api["paths"][f"{ITEMS}/{{item_id}}"]["get"]
    assert (reading["parameters"][0]["name"], reading["security"]) == ("item_id", [])


def test_outgoing_webhooks_are_described(api: Any) -> None:
    assert list(api["webhooks"]) == ["item.made"]
    schema = api["webhooks"]["item.made"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Item"}


def test_every_reference_leads_somewhere_and_every_id_is_unique(api: Any) -> None:
    def refs(node: Any) -> Any:
        if isinstance(node, dict):
            yield from [node["$ref"]] if "$ref" in node else []
            node = list(node.values())
        if isinstance(node, list):
            for each in node:
                yield from refs(each)

    for ref in refs(api):
        found: Any = api
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]
    ids = [operation["operationId"] for path in api["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)) == 25


class Many(BaseModel):
    choice: int | str | None = None


def test_a_query_field_of_several_types_keeps_them(house: House) -> None:
    async def handler(_call: Call) -> Reply:
        return Reply(None)

    routes = Routes()
    routes.add("GET", "/x", summary="X", replies={200: None}, query=Many, access=Access.PUBLIC)(handler)
    made = document(routes, house.web.envelopes, lambda _name: False, version="1")
    (parameter,) = made["paths"]["/x"]["get"]["parameters"]
    assert parameter["schema"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert "content" not in made["paths"]["/x"]["get"]["responses"]["200"]


def test_the_postman_collection_has_a_request_for_every_operation(api: Any) -> None:
    made = collection(api, "http://127.0.0.1:8080")
    assert made["info"]["schema"] == "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
    assert made["variable"][0] == {"key": "baseUrl", "value": "http://127.0.0.1:8080"}
    (folder,) = made["item"]
    assert (folder["name"], len(folder["item"])) == ("items", 25)
    requests = {
        (item["request"]["method"], item["request"]["url"]["raw"]): item["request"] for item in folder["item"]
    }
    making = requests[("POST", "{{baseUrl}}" + ITEMS)]
    assert making["body"]["raw"].replace("\n", "").replace(" ", "") == '{"name":"","size":1,"tags":[]}'
    reading = requests[("GET", "{{baseUrl}}" + ITEMS + "/:item_id")]
    assert reading["auth"] == {"type": "noauth"}
    assert reading["url"]["variable"] == [{"key": "item_id", "value": ""}]
    listing = requests[("GET", "{{baseUrl}}" + ITEMS)]
    assert [query["key"] for query in listing["url"]["query"]] == ["limit", "after"]


class Deep(BaseModel):
    deeper: Deep | None
    either: Deep
    kind: str = "fixed"


def test_an_example_of_a_model_within_itself_ends(house: House) -> None:
    async def handler(_call: Call, *, body: Deep) -> Reply:
        return Reply(body)

    routes = Routes()
    routes.add("POST", "/deep", summary="X", replies={200: None}, body=Deep)(handler)
    made = collection(document(routes, house.web.envelopes, lambda _name: True, version="1"), "")
    assert made["item"][0]["name"] == "server"
    assert '"kind": "fixed"' in made["item"][0]["item"][0]["request"]["body"]["raw"]


async def test_the_documentation_is_served_by_us_alone(house: House) -> None:
    page = await ask(house.web.asgi, "GET", "/api/swagger")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy.split("style-src-attr")[0]
    html = page.body.decode()
    assert "//" not in re.sub(r"<!doctype[^>]*>", "", html)  # no outside host
    assert not re.search(r"<script>|style=|onload=", html)
    for target in re.findall(r'(?:src|href)="([^"]+)"', html):
        got = await ask(house.web.asgi, "GET", target)
        assert (got.status, got.headers["cache-control"]) == (200, "public, max-age=86400")
        assert got.body
    start = await ask(house.web.asgi, "GET", "/api/swagger/start.js")
    assert b'url: "/openapi.json"' in start.body
    for missing in ("index.css", "..", "LICENSE"):
        assert (await ask(house.web.asgi, "GET", f"/api/swagger/{missing}")).status == 404
    assert (await ask(house.web.asgi, "GET", "/openapi.json")).json()["openapi"] == "3.1.0"
    assert "item" in (await ask(house.web.asgi, "GET", "/docs/postman_collection.json")).json()


def test_the_bundled_swagger_ui_reads_openapi_3_1() -> None:
    from importlib.metadata import version

    assert int(version("flask-swagger-ui").partition(".")[0]) >= 5  # 3.1 came with Swagger UI 5
    assert len(docs_routes(dict, "")) == 4


@pytest.mark.browser
async def test_swagger_ui_runs_under_its_strict_policy(house: House, tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a Chromium")
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=10000",
        "--enable-logging=stderr",
    ]
    async with serving(house.web.asgi) as url:
        browser = await asyncio.create_subprocess_exec(
            chromium, *flags, f"--user-data-dir={tmp_path}", "--dump-dom", f"{url}/api/swagger",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        dom, log = await asyncio.wait_for(browser.communicate(), 60)
    assert dom.count(b"opblock-summary-path") >= 20
    assert b"CONSOLE" not in log, log.decode()

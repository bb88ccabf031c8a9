"""The API's documentation, served by us alone: the OpenAPI document, Swagger UI, a Postman collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from rallypoint.errors import NotFound
from rallypoint.web.postman import collection
from rallypoint.web.routing import Access, Call, Reply, Routes

# flask-swagger-ui is used for its files only (Swagger UI's own build, released weekly) and is never imported.
_PACKAGE = "flask_swagger_ui"
_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CACHED = {"Cache-Control": "public, max-age=86400"}
_PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rallypoint API</title>
<link rel="icon" href="/api/swagger/favicon-32x32.png">
<link rel="stylesheet" href="/api/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/swagger/swagger-ui-bundle.js"></script>
<script src="/api/swagger/start.js"></script>
</body>
</html>
"""
_START = b"""SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""


def docs_routes(document: Callable[[], Mapping[str, Any]], base_url: str) -> Routes:
    """Return the routes of the documentation; mount them undocumented.

    Args:
        document: Called once, at the first request, when all routes are known.
        base_url: Which the Postman collection begins with.
    """
    routes = Routes(tag="documentation", limit="none")

    @cache
    def openapi() -> bytes:
        return orjson.dumps(document())

    @cache
    def postman() -> bytes:
        return orjson.dumps(collection(document(), base_url))

    @routes.add("GET", "/openapi.json", summary="OpenAPI 3.1", replies={200: None}, access=Access.PUBLIC)
    async def read_openapi(_call: Call) -> Reply:
        return Reply(openapi())

    @routes.add(
        "GET", "/docs/postman_collection.json", summary="Postman", replies={200: None}, access=Access.PUBLIC
    )
    async def read_postman(_call: Call) -> Reply:
        return Reply(postman())

    @routes.add("GET", "/api/swagger", summary="Swagger UI", replies={200: None}, access=Access.PUBLIC)
    async def read_page(_call: Call) -> Reply:
        return Reply(
            _PAGE, headers={"Content-Security-Policy": _POLICY}, content_type="text/html; charset=utf-8"
        )

    @routes.add("GET", "/api/swagger/<asset>", summary="Its files", replies={200: None}, access=Access.PUBLIC)
    async def read_asset(_call: Call, *, asset: str) -> Reply:
        if asset == "start.js":
            return Reply(_START, headers=_CACHED, content_type=_ASSETS["swagger-ui-bundle.js"])
        if asset not in _ASSETS:
            raise NotFound("There is no such file")
        return Reply(_read(asset), headers=_CACHED, content_type=_ASSETS[asset])

    return routes


@cache
def _read(asset: str) -> bytes:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise NotFound("Swagger UI is not installed: pip install flask-swagger-ui")
    return (Path(spec.origin).parent / "dist" / asset).read_bytes()

"""Quart's HTTP connection with a short way for our routes.

Quart makes two tasks, a request object and two contexts for each request, and sends signals around it, for
the sake of views that use its globals and hooks. A Route's handler gets a Call and uses neither, so its
endpoint is called right here, in the server's own task, over Quart's URL map. That also keeps a client that
hangs up from cancelling a handler in the middle of a transaction. All else (unknown paths and methods,
OPTIONS, Quart views) goes Quart's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from quart import Quart
from quart.asgi import ASGIHTTPConnection
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from rallypoint.web.endpoint import Endpoint
from rallypoint.web.requests import Disconnected

if TYPE_CHECKING:
    from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable


class Connection(ASGIHTTPConnection):
    """One request."""

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer it."""
        scope = cast(dict[str, Any], self.scope)
        endpoint, variables = cast(App, self.app).find(scope["path"], scope["method"])
        if endpoint is None:
            await super().__call__(receive, send)
            return
        scope["rallypoint.route"] = endpoint.route.path
        try:
            status, headers, body = await endpoint(scope, cast(Any, receive), variables)
        except Disconnected:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        content = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": content, "more_body": False})


class App(Quart):
    """Quart, knowing our endpoints."""

    asgi_http_class = Connection
    _matcher: MapAdapter | None = None

    def find(self, path: str, method: str) -> tuple[Endpoint | None, dict[str, str]]:
        """Return the endpoint of a request and its path's variables; None when Quart shall answer."""
        if self._matcher is None:  # routes must not depend on the host: one adapter serves every request
            self._matcher = self.url_map.bind("")
        try:
            name, variables = self._matcher.match(path, method)
        except HTTPException:
            return None, {}
        view = self.view_functions.get(name)
        if method == "OPTIONS" or not isinstance(view, Endpoint):
            return None, {}
        return view, dict(variables)

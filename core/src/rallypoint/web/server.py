"""The web layer put together: Quart built from route tables, inside the middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from rallypoint.identity.api import Authenticator
from rallypoint.metrics import Metrics
from rallypoint.settings import Settings
from rallypoint.web import errors
from rallypoint.web.away import Away
from rallypoint.web.connection import App
from rallypoint.web.endpoint import Endpoint, Services
from rallypoint.web.envelopes import Envelopes
from rallypoint.web.idempotency import Idempotency
from rallypoint.web.limits import Limiter
from rallypoint.web.middleware import AsgiApp, Middleware
from rallypoint.web.routing import VARIABLE, Handler, Route


class RouteConflict(Exception):
    """Two routes claim one method and path."""


def build_quart(envelopes: Envelopes, away: Away) -> App:
    """Return an empty application that answers errors in the envelope of the path."""
    quart = App("rallypoint", static_folder=None)
    quart.url_map.merge_slashes = False
    quart.url_map.strict_slashes = True
    errors.install(quart, envelopes, away)
    return quart


def mount(quart: App, routes: Iterable[Route], endpoint: Callable[[Route], Endpoint]) -> None:
    """Add routes to the application.

    Args:
        quart: Not yet serving.
        routes: What to add.
        endpoint: Makes each of them ready.

    Raises:
        RouteConflict: The method and path are taken.
    """
    for route in routes:
        name = f"{route.method} {VARIABLE.sub('<>', route.path)}"  # however the variables are called
        if name in quart.view_functions:
            raise RouteConflict(f"{route.method} {route.path}")
        quart.add_url_rule(route.path, name, cast(Any, endpoint(route)), methods=[route.method])


class Web:
    """Everything that HTTP passes through.

    Args:
        settings: Limits, origins, public URL.
        authenticator: Turns credentials into principals.
        limiter: Shared with the sockets; define every named limit before mounting routes that name it.
        idempotency: Keeps first replies.
        envelopes: Add a prefix before mounting routes below it.
        metrics: Told of every request.

    Attributes:
        away: What is installed and cannot serve.
    """

    def __init__(
        self,
        settings: Settings,
        authenticator: Authenticator,
        limiter: Limiter,
        idempotency: Idempotency,
        envelopes: Envelopes,
        metrics: Metrics,
    ) -> None:
        self.envelopes = envelopes
        self.routes: list[Route] = []
        self.away = Away()
        self.quart = build_quart(envelopes, self.away)
        self.asgi: AsgiApp = Middleware(cast(AsgiApp, self.quart), settings, envelopes, metrics)
        self._services = Services(authenticator, limiter, idempotency)

    def mount(
        self,
        routes: Iterable[Route],
        wrap: Callable[[Handler], Handler] = lambda handler: handler,
        *,
        documented: bool = True,
    ) -> None:
        """Serve routes from now on.

        Args:
            routes: Of one owner.
            wrap: Put around each handler, such as the gate of a plugin that may be quarantined.
            documented: Whether the OpenAPI document shows those that do not say otherwise.

        Raises:
            RouteConflict: A method and path are taken.
            ValueError: A route names a limit that is not defined.
        """

        def endpoint(route: Route) -> Endpoint:
            if not self._services.limiter.known(route.limit):
                raise ValueError(f"{route.method} {route.path} names the limit {route.limit!r}, unknown here")
            return Endpoint(route, wrap(route.handler), self.envelopes.of(route.path), self._services)

        added = list(routes)
        mount(self.quart, added, endpoint)
        if documented:
            self.routes += [route for route in added if route.documented]

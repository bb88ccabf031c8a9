"""The methods of Graph that the fake plays: who one is, events, their changes, subscriptions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from rallypoint.testing.microsoft.delta import Deltas
from rallypoint.testing.microsoft.errors import invalid
from rallypoint.testing.microsoft.events import Calendar
from rallypoint.testing.microsoft.graph import BASE, Graph, GraphCall
from rallypoint.testing.microsoft.subscriptions import Subscriptions
from rallypoint.testing.microsoft.view import whole

_BY_PROPERTY = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ep/id eq '([^']+)' and ep/value eq '([^']*)'\)"
)
_CALENDARS = "Calendars.ReadWrite"
Answer = tuple[int, Any]


class Api:
    """The handlers.

    Args:
        graph: Serves them.
        calendar_of: Returns a user's calendar.
        subscriptions: Those that stand.
        root: Returns the base URL of the fake.
    """

    def __init__(
        self,
        graph: Graph,
        calendar_of: Callable[[str], Calendar],
        subscriptions: Subscriptions,
        root: Callable[[], str],
    ) -> None:
        self._graph, self._calendar_of = graph, calendar_of
        self._subscriptions, self._root, self._deltas = subscriptions, root, Deltas()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        route, one = self._graph.route, "/subscriptions/{id}"
        return [
            route("GET", "/me", "User.Read", self._me),
            route("GET", "/me/events", _CALENDARS, self._list),
            route("POST", "/me/events", _CALENDARS, self._insert),
            route("GET", "/me/events/{id}", _CALENDARS, self._get),
            route("PATCH", "/me/events/{id}", _CALENDARS, self._patch),
            route("DELETE", "/me/events/{id}", _CALENDARS, self._delete),
            route("GET", "/me/calendarView/delta", _CALENDARS, self._changes),
            route("POST", "/subscriptions", _CALENDARS, self._subscribe),
            route("GET", one, _CALENDARS, self._subscription),
            route("PATCH", one, _CALENDARS, self._prolong),
            route("DELETE", one, _CALENDARS, self._unsubscribe),
            route("POST", one + "/reauthorize", _CALENDARS, self._reauthorize),
        ]

    async def _me(self, call: GraphCall) -> Answer:
        about = {"id": f"id-of-{call.email}", "mail": call.email, "userPrincipalName": call.email}
        about |= {"displayName": call.email.partition("@")[0].title()}
        names = call.query.get("$select", "").split(",") if "$select" in call.query else list(about)
        return 200, {name: about[name] for name in names if name in about}

    async def _list(self, call: GraphCall) -> Answer:
        found = _BY_PROPERTY.fullmatch(call.query.get("$filter", ""))
        if found is None:
            raise invalid("The fake finds events by an extended property alone.")
        wanted = {"id": found[1], "value": found[2]}
        events = self._calendar_of(call.email).events.values()
        value = [one for one in events if wanted in one.get("singleValueExtendedProperties", ())]
        shown = [whole(one, call.wanted) for one in value[: int(call.query.get("$top", 10))]]
        return 200, {"@odata.context": f"{self._root()}{BASE}/$metadata#events", "value": shown}

    async def _insert(self, call: GraphCall) -> Answer:
        return 201, whole(self._calendar_of(call.email).insert(_object(call)), call.wanted)

    async def _get(self, call: GraphCall) -> Answer:
        event = self._calendar_of(call.email).get(call.variables["id"])
        event["_looks"] -= 1
        return 200, whole(event, call.wanted)

    async def _patch(self, call: GraphCall) -> Answer:
        calendar, event_id = self._calendar_of(call.email), call.variables["id"]
        changed = calendar.merge(event_id, _object(call), call.headers.get("If-Match"))
        return 200, whole(changed, call.wanted)

    async def _delete(self, call: GraphCall) -> Answer:
        self._calendar_of(call.email).delete(call.variables["id"])
        return 204, None

    async def _changes(self, call: GraphCall) -> Answer:
        url = f"{self._root()}{BASE}/me/calendarView/delta"
        return 200, self._deltas.page(self._calendar_of(call.email), call.query, call.wanted, url)

    async def _subscribe(self, call: GraphCall) -> Answer:
        return 201, await self._subscriptions.create(call.email, _object(call))

    async def _subscription(self, call: GraphCall) -> Answer:
        return 200, self._subscriptions.find(call.email, call.variables["id"]).shown()

    async def _prolong(self, call: GraphCall) -> Answer:
        return 200, self._subscriptions.renew(call.email, call.variables["id"], _object(call))

    async def _unsubscribe(self, call: GraphCall) -> Answer:
        self._subscriptions.remove(call.email, call.variables["id"])
        return 204, None

    async def _reauthorize(self, call: GraphCall) -> Answer:
        self._subscriptions.find(call.email, call.variables["id"])
        return 204, None


def _object(call: GraphCall) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise invalid("The request needs a body.", "BadRequest")
    return call.body

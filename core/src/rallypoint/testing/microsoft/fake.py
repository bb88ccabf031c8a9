"""Microsoft on a loopback port: sign-in, Outlook calendars with subscriptions, Teams meetings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiohttp import web

from rallypoint.testing.microsoft.api import Api
from rallypoint.testing.microsoft.events import Calendar
from rallypoint.testing.microsoft.graph import BASE, Described, Graph
from rallypoint.testing.microsoft.signin import AUTH_PATH, TOKEN_PATH, SignIn
from rallypoint.testing.microsoft.subscriptions import Subscriptions

CLIENT_ID, CLIENT_SECRET = "demo-client", "demo-secret"
MIA, NOA = "mia@example.com", "noa@example.com"


class MicrosoftFake(SignIn):
    """Microsoft with its users, grants and calendars in memory; as strict as the real one.

    It knows two users, ``mia@example.com`` and ``noa@example.com``, and one application.

    Args:
        upstream: Base URL of another program that signs users in (npm ``emulate``); the calendars are still ours.
        insecure_push: Post notifications to plain http too, as tests on a loopback port need.
        described: Microsoft's description of Graph, by which requests and replies are checked.

    Attributes:
        calendars: By address, made when first asked for.
        subscriptions: ``muted`` loses notifications, ``send()`` repeats or forges them, ``lifecycle()`` tells of
            subscriptions themselves.
        graph: ``graph.problems`` are what the description has against requests.
    """

    def __init__(
        self, upstream: str = "", *, insecure_push: bool = True, described: Described | None = None
    ) -> None:
        super().__init__(upstream)
        self.client_id, self.client_secret, self.people = CLIENT_ID, CLIENT_SECRET, [MIA, NOA]
        self.calendars: dict[str, Calendar] = {}
        self.subscriptions = Subscriptions(insecure_push)
        self.graph = Graph(self.bearer, described)
        self._api = Api(self.graph, self.calendar, self.subscriptions, lambda: self.url)

    def calendar(self, email: str = MIA) -> Calendar:
        """Return a user's default calendar; what a test does to it is what the user does in Outlook."""
        if email not in self.calendars:
            self.calendars[email] = Calendar(email, self.subscriptions.changed)
        return self.calendars[email]

    def settings(self, prefix: str = "RALLYPOINT_MICROSOFT_") -> Mapping[str, str]:
        """Return the variables that point the plugin here."""
        auth = f"{self.upstream}/oauth2/v2.0/authorize" if self.upstream else f"{self.url}{AUTH_PATH}"
        values = {
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "API_URL": f"{self.url}{BASE}",
            "AUTH_URL": auth,
            "TOKEN_URL": f"{self.url}{TOKEN_PATH}",
        }
        return {prefix + name: value for name, value in values.items()}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes of the sign-in and of Graph."""
        return [*self.sign_in_routes(), *self._api.routes()]

    async def stop(self) -> None:
        """Stop posting notifications, and listening."""
        await self.subscriptions.close()
        await super().stop()

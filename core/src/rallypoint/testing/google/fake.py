"""Google on a loopback port: sign-in, Calendar with push notifications, Gmail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiohttp import web

from rallypoint.testing.fakes import ProviderFake
from rallypoint.testing.google.api import Api
from rallypoint.testing.google.calendar import CalendarApi
from rallypoint.testing.google.channels import Channels
from rallypoint.testing.google.discovery import document
from rallypoint.testing.google.errors import Refusal
from rallypoint.testing.google.events import Calendar
from rallypoint.testing.google.gmail import GmailApi
from rallypoint.testing.google.grants import Grants, OAuthClient, User
from rallypoint.testing.google.mailbox import Mailbox
from rallypoint.testing.google.relay import Relay
from rallypoint.testing.google.signin import AUTH_PATH, REVOKE_PATH, TOKEN_PATH, SignIn

CLIENT = OAuthClient("demo-client.apps.googleusercontent.com", "demo-secret")
MIA = User("mia@example.com", "Mia Moser")
NOA = User("noa@example.com", "Noa Nowak")


class GoogleFake(ProviderFake):
    """Google with its users, grants, calendars and mailboxes in memory; as strict as the real one.

    Every request, and every reply of its own, is checked against Google's discovery documents. It knows two
    users, ``mia@example.com`` and ``noa@example.com``, and one application.

    Args:
        upstream: Base URL of another program that signs users in (npm ``emulate``); the calendars are still ours.
        insecure_push: Post notifications to plain http too, as tests on a loopback port need.

    Attributes:
        grants: Codes, tokens and scopes; ``lifetime``, ``expire_access()``, ``withdraw()``.
        calendars: By address, made when first asked for.
        mailboxes: By address, made when first asked for.
        channels: Push channels; ``muted`` loses messages, ``send()`` repeats or forges them.
    """

    def __init__(self, upstream: str = "", *, insecure_push: bool = True) -> None:
        super().__init__()
        self.upstream = upstream
        self.grants = Grants()
        self.grants.users = {user.email: user for user in (MIA, NOA)}
        self.grants.clients = {CLIENT.id: CLIENT}
        self.calendars: dict[str, Calendar] = {}
        self.mailboxes: dict[str, Mailbox] = {}
        self.channels = Channels(insecure_push)
        self.calendar_api = CalendarApi(self.calendar, self.channels, lambda: self.url)
        self._sign_in = Relay(self.grants, upstream) if upstream else SignIn(self.grants)

    def calendar(self, email: str = MIA.email) -> Calendar:
        """Return a user's primary calendar; what a test does to it is what the user does in Google."""
        if email not in self.calendars:
            self.calendars[email] = Calendar(email, changed=lambda one: self.channels.changed(one.email))
        return self.calendars[email]

    def mailbox(self, email: str = MIA.email) -> Mailbox:
        """Return a user's mailbox."""
        return self.mailboxes.setdefault(email, Mailbox(email))

    def settings(self, prefix: str = "RALLYPOINT_GOOGLE_") -> Mapping[str, str]:
        """Return the variables that point the plugin here."""
        auth = f"{self.upstream}{AUTH_PATH}" if self.upstream else f"{self.url}{AUTH_PATH}"
        values = {
            "CLIENT_ID": CLIENT.id,
            "CLIENT_SECRET": CLIENT.secret,
            "API_URL": self.url,
            "GMAIL_API_URL": self.url,
            "AUTH_URL": auth,
            "TOKEN_URL": f"{self.url}{TOKEN_PATH}",
            "REVOKE_URL": f"{self.url}{REVOKE_PATH}",
        }
        return {prefix + name: value for name, value in values.items()}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the sign-in's routes, and whatever the documents describe."""
        calendar = Api(document("calendar.v3"), self.grants, self.calendar_api.handlers())
        gmail = Api(document("gmail.v1"), self.grants, GmailApi(self.mailbox).handlers())
        return [
            *self._sign_in.routes(),
            web.get("/oauth2/v2/userinfo", self._userinfo),
            web.route("*", "/calendar/v3/{rest:.*}", calendar.serve),
            web.route("*", "/gmail/v1/{rest:.*}", gmail.serve),
        ]

    async def stop(self) -> None:
        """Stop posting notifications, and listening."""
        await self.channels.close()
        await super().stop()

    async def _userinfo(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        access = self.grants.access(token)
        if access is None:
            return Refusal(401, "authError", "Invalid Credentials", location="Authorization").response()
        if not access.scopes & {"email", "https://www.googleapis.com/auth/userinfo.email"}:
            return Refusal(403, "insufficientPermissions", "Insufficient Permission").response()
        user = self.grants.users.get(access.email) or User(access.email)
        return web.json_response(
            {"id": user.id, "email": user.email, "verified_email": True, "name": user.name}
        )

"""What users connect: their Outlook calendar, by their consent at Microsoft Entra.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
Microsoft replaces refresh tokens at each use and knows no revocation of a single grant: on disconnecting, the push
subscription is ended there and the tokens are deleted here.
"""

from __future__ import annotations

from typing import Any

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.domains.booking.api.connecting import CalendarService
from rallypoint.sdk import Connection, Identity, OAuth2Connection, PluginContext, RetryLater
from rallypoint_microsoft.client import ask
from rallypoint_microsoft.settings import settings_of

OUTLOOK = CalendarService(
    service="outlook_calendar",
    title="Outlook Calendar",
    key="outlookCalendar",
    prefix="/integrations/microsoft",
    failed="microsoft_auth_failed",
    there="Outlook",
)
CALENDAR = OUTLOOK.service
SCOPES = ("offline_access", "User.Read", "Calendars.ReadWrite")
_WHO = {"$select": "id,mail,userPrincipalName"}


def connection(ctx: PluginContext) -> OAuth2Connection:
    """Return the service as the core connects it."""
    settings = settings_of(ctx)

    async def farewell(connection: Connection) -> None:
        await ctx.service(CalendarSync).forget(connection.id)

    return OAuth2Connection(
        service=CALENDAR,
        title=OUTLOOK.title,
        base_url=settings.api_url,
        authorize_url=settings.auth_url.replace("{tenant}", settings.tenant),
        token_url=settings.token_url.replace("{tenant}", settings.tenant),
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        scopes=SCOPES,
        identify=_owner,
        redirect_path=OUTLOOK.callback,
        authorize_params={"response_mode": "query", "prompt": "select_account"},
        requests_per_second=settings.requests_per_second,
        farewell=farewell,
    )


async def _owner(connection: Connection) -> Identity:
    about = await ask(connection.client, "/me", _WHO)
    email = _text(about, "mail") or _text(about, "userPrincipalName")
    if not email:
        raise RetryLater("Microsoft did not say whose account it is")
    return Identity(label=email, email=email.lower(), external_id=_text(about, "id") or email.lower())


def _text(about: dict[str, Any], name: str) -> str:
    value = about.get(name)
    return value if isinstance(value, str) else ""

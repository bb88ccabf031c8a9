"""The two services that users connect: their calendar and their mail, each with its own consent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rallypoint.domains.booking.api import CalendarSync
from rallypoint.domains.booking.api.connecting import CalendarService
from rallypoint.sdk import Connection, Identity, OAuth2Connection, PluginContext, RetryLater
from rallypoint_google.settings import settings_of

CALENDAR, GMAIL = "google_calendar", "gmail"

WHO = "https://www.googleapis.com/auth/userinfo.email"
CALENDAR_SCOPES = ("openid", WHO, "https://www.googleapis.com/auth/calendar.events")
GMAIL_SCOPES = (
    "openid",
    WHO,
    "https://www.googleapis.com/auth/gmail.readonly",
    "https://www.googleapis.com/auth/gmail.send",
)

CALENDAR_SERVICE = CalendarService(
    service=CALENDAR,
    title="Google Calendar",
    key="googleCalendar",
    prefix="/integrations/google",
    failed="google_auth_failed",
    there="Google",
    aliases=("/api/google-auth-callback",),
)
GMAIL_CALLBACK = "/api/google/oauth"

# Without both, Google hands out no refresh token to a user who has consented before. Scopes granted to the other
# service are not included: each connection can do what it is for and no more.
# https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
_OFFLINE = {"access_type": "offline", "prompt": "consent"}


def connections(ctx: PluginContext) -> list[OAuth2Connection]:
    """Return the services as the core connects them."""
    return [
        _declared(
            ctx,
            CALENDAR,
            "Google Calendar",
            settings_of(ctx).api_url,
            CALENDAR_SCOPES,
            CALENDAR_SERVICE.callback,
        ),
        replace(
            _declared(ctx, GMAIL, "Gmail", settings_of(ctx).gmail_api_url, GMAIL_SCOPES, GMAIL_CALLBACK),
            summary="Mail from your own address, and what arrives there as events.",
        ),
    ]


def _declared(
    ctx: PluginContext, service: str, title: str, api_url: str, scopes: tuple[str, ...], callback: str
) -> OAuth2Connection:
    settings = settings_of(ctx)

    async def farewell(connection: Connection) -> None:
        await ctx.service(CalendarSync).forget(connection.id)

    return OAuth2Connection(
        service=service,
        title=title,
        base_url=api_url,
        authorize_url=settings.auth_url,
        token_url=settings.token_url,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        scopes=scopes,
        identify=_calendar_owner if service == CALENDAR else _mailbox_owner,
        redirect_path=callback,
        revoke_url=settings.revoke_url,
        authorize_params=_OFFLINE,
        requests_per_second=settings.requests_per_second,
        farewell=farewell if service == CALENDAR else None,
    )


async def _calendar_owner(connection: Connection) -> Identity:
    about = await connection.client.get_json("/oauth2/v2/userinfo")
    return _identity(about, "email")


async def _mailbox_owner(connection: Connection) -> Identity:
    profile = await connection.client.get_json("/gmail/v1/users/me/profile")
    return _identity(profile, "emailAddress")


def _identity(about: Any, field: str) -> Identity:
    email = about.get(field) if isinstance(about, dict) else None
    if not isinstance(email, str) or not email:
        raise RetryLater("Google did not say whose account it is")
    # The address names the account to both services, whose grants Google ends together.
    return Identity(label=email, email=email.lower(), external_id=email.lower())

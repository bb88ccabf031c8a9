"""``rallypoint operator`` and ``rallypoint user``: what whoever holds the server's console does with users."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from rallypoint.commands.database import opened
from rallypoint.identity.operators import Operators, UnfitPasswordError, UnknownUserError
from rallypoint.identity.service import Identity
from rallypoint.security.secrets import SecretsError, ensure_secret_key
from rallypoint.settings import Settings


async def add_operator(settings: Settings, email: str) -> str:
    """Make a registered user an operator and return what to tell them.

    Raises:
        click.ClickException: Nobody has this address.
    """
    async with _operators(settings) as operators:
        await operators.add(email)
    return f"{email} is an operator now."


async def reset_password(settings: Settings, email: str, password: str) -> str:
    """Give a user a new password, end their sessions, and return what to tell them.

    Raises:
        click.ClickException: Nobody has this address, or the password does not fit.
    """
    async with _operators(settings) as operators:
        await operators.reset_password(email, password)
    return f"{email} has a new password and must sign in again; their API keys are as before."


@asynccontextmanager
async def _operators(settings: Settings) -> AsyncIterator[Operators]:
    try:
        async with opened(settings) as database:
            yield Identity(ensure_secret_key(settings), database).operators
    except (SecretsError, UnknownUserError, UnfitPasswordError) as error:
        raise click.ClickException(str(error)) from error

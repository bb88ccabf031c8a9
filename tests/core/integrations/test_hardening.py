"""The page under settings of the operator's own."""

from __future__ import annotations

import pytest

from rallypoint.domains.integrations.views import ago, moment
from rallypoint.storage import clock

from .conftest import Opened

PAGE = "/settings/integrations"


async def test_over_https_cookies_are_for_https_alone(opened: Opened) -> None:
    async with opened("acme", public_url="https://x.example") as world:
        email, _ = await world.register()
        tab = world.tab()
        assert email in (await tab.sign_in(email)).document.text()
        form = (await world.tab().open(PAGE)).set_cookies
        assert all("Secure" in cookie and cookie.startswith("__Secure-") for cookie in form)
        assert set(tab.cookies) == {"__Secure-rallypoint_session", "__Secure-rallypoint_form"}


async def test_signing_in_is_limited_for_each_address_as_in_the_api(opened: Opened) -> None:
    async with opened("acme", rate_limits=True, limit_login="3/minute") as world:
        tab = world.tab()
        form = (await tab.open(PAGE)).document.form("/sign-in")
        statuses = [
            (await tab.submit(form, email="a@example.com", password="wrong password")).status
            for _ in range(4)
        ]
        assert statuses == [401, 401, 401, 429]
        shown = await tab.submit(form, email="a@example.com", password="wrong password")
        assert int(shown.headers["retry-after"]) > 0
        assert "Too many requests" in shown.document.text()
        reply = await world.ask(
            "POST", "/api/session", {"user": {"email": "a@example.com", "password": "x" * 12}}
        )
        assert reply.status == 429, "the page's tries count for the API too"


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (0, "just now"),
        (59_000, "just now"),
        (61_000, "1 minute ago"),
        (2 * clock.HOUR, "2 hours ago"),
        (50 * clock.HOUR, "2 days ago"),
        (-3 * clock.DAY, "in 3 days"),
    ],
)
def test_times_are_said_in_words(past: int, words: str) -> None:
    assert ago(1_766_399_400_000 - past, now=1_766_399_400_000) == words
    assert moment(1_766_399_400_000) == "22 Dec 2025, 10:30 UTC"

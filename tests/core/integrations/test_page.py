from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from rallypoint.plugins.contributions import CALLBACK_PATH
from rallypoint.testing.oauth import consent

from .acme import EVIL
from .conftest import World
from .tab import Tab

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/settings/integrations"


async def test_who_is_not_signed_in_is_asked_who_they_are(world: World) -> None:
    shown = await world.tab().open(PAGE)
    assert shown.status == 200
    assert [form.action for form in shown.document.forms] == ["/settings/sign-in"]
    assert "Acme" not in shown.html


async def test_every_installed_integration_is_on_the_page(world: World) -> None:
    tab = await world.signed_in()
    document = (await tab.open(PAGE)).document
    assert [element.text for element in document.all("h3")] == [EVIL, "Acme Lists", "Acme Mail", "Keys"]
    assert [element.text for element in document.all("h2")] == ["Connected", "Available"]


async def test_a_page_lets_nothing_inline_run_and_is_never_kept_or_framed(world: World) -> None:
    tab = await world.signed_in()
    for shown in (await tab.open(PAGE), await world.tab().open(PAGE), await tab.open("/settings/nothing")):
        policy = shown.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert shown.headers["x-frame-options"] == "DENY"
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["content-type"] == "text/html; charset=utf-8"
        document = shown.document
        assert not document.all("style")
        assert all(
            script.attributes["src"].startswith("/settings/assets/") for script in document.all("script")
        )
        assert not [
            name for element in document.elements for name in element.attributes if name.startswith("on")
        ]
        assert not [element for element in document.elements if "style" in element.attributes]


async def test_the_files_of_a_page_are_served_by_us_and_kept_for_good(world: World) -> None:
    tab = await world.signed_in()
    document = (await tab.open(PAGE)).document
    files = [element.attributes["href"] for element in document.all("link")]
    files += [element.attributes["src"] for element in document.all("script")]
    assert len(files) == 4
    for file in files:
        got = await world.ask("GET", file)
        assert (got.status, got.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        stale = await world.ask("GET", file.partition("?")[0] + "?v=old")
        assert (stale.status, stale.headers["cache-control"]) == (200, "no-store")
    assert (await world.ask("GET", "/settings/assets/../plugin.toml")).status == 404
    assert (await world.ask("GET", "/assets/nothing.css")).status == 404


async def test_whatever_a_plugin_or_provider_says_is_escaped(world: World) -> None:
    tab = await world.signed_in()
    shown = await tab.open(PAGE)
    assert "<script>alert" not in shown.html
    assert "<img src=x" not in shown.html
    assert {element.attributes.get("src") for element in shown.document.all("img")} <= {
        element.attributes["href"] for element in shown.document.all("link", rel="icon")
    }
    asked = await tab.submit(shown.document.form("/evil/evil"), typed=EVIL)
    assert "<script>alert" not in asked.html
    assert EVIL in asked.document.text()
    refused = await tab.submit(asked.document.form("/evil/evil"))
    assert "Acme Keys is busy" in refused.document.text()


async def test_a_service_is_connected_and_disconnected_with_a_key(world: World) -> None:
    tab = await world.signed_in()
    page = await tab.open(PAGE)
    wrong = await tab.submit(page.document.form("/acmeLists/connect"), api_key="wrong", follow=False)
    assert wrong.status == 400
    problem = wrong.document.all("p", class_="problem")
    assert [element.text for element in problem] == ["Acme Lists does not accept this key"]
    assert "wrong" not in wrong.html, "a key is never shown again"
    empty = await tab.submit(page.document.form("/acmeLists/connect"), api_key="  ")
    assert "Please fill this in" in empty.document.text()

    done = await tab.submit(page.document.form("/acmeLists/connect"), api_key=" key-of-alice ")
    assert (done.status, tab.at) == (200, f"{PAGE}#i-acmeLists")
    assert "Acme Lists is connected." in done.document.all("article", id="i-acmeLists")[0].text
    assert "Alice" in done.document.text()
    (history,) = done.document.all("details", class_="history")
    assert "Connected: Alice" in history.text
    assert "Acme Lists is connected." not in (await tab.open(PAGE)).html, "a message is shown once"

    asked = await tab.submit(done.document.form("/acmeLists/disconnect"))
    assert "Disconnect Acme Lists?" in asked.document.text()
    assert "Alice" in (await tab.open(PAGE)).html, "nothing is done before the answer"
    gone = await tab.submit(asked.document.form("/acmeLists/disconnect"))
    assert "Acme Lists is disconnected." in gone.document.text()
    assert "Alice" not in gone.html


async def test_a_service_is_connected_by_consent(world: World) -> None:
    tab = await world.signed_in()
    leaving = await tab.submit((await tab.open(PAGE)).document.form("/acmeMail/connect"))
    (link,) = (item for item in leaving.document.all("a") if item.text == "Continue")
    back = await consent(link.attributes["href"], "alice@example.com")
    called = await world.ask("GET", back.removeprefix(world.house.settings.own_url))
    assert called.status == 302
    shown = await tab.open(called.headers["location"].removeprefix(world.house.settings.own_url))
    assert "Acme Mail is connected." in shown.document.text()
    section = shown.document.all("article", id="i-acmeMail")[0].text
    assert "alice@example.com" in section
    asked = await tab.submit(shown.document.form("/acmeMail/disconnect"))
    await tab.submit(asked.document.form("/acmeMail/disconnect"))

    leaving = await tab.submit((await tab.open(PAGE)).document.form("/acmeMail/connect"))
    (link,) = (item for item in leaving.document.all("a") if item.text == "Continue")
    state = parse_qs(urlsplit(link.attributes["href"]).query)["state"][0]
    called = await world.ask(
        "GET", f"{CALLBACK_PATH}?{urlencode({'state': state, 'error': 'access_denied'})}"
    )
    shown = await tab.open(called.headers["location"].removeprefix(world.house.settings.own_url))
    assert "You did not give the permission." in shown.document.text()


async def test_a_refused_key_says_what_to_do(world: World) -> None:
    email, token = await world.register()
    tab = world.tab()
    page = await tab.sign_in(email)
    await tab.submit(page.document.form("/acmeLists/connect"), api_key="key-of-alice")
    me = await world.house.identity.authenticator.authenticate(token)
    connection = await world.house.connections.find(me.account_id, me.user_id, me.mode, "acme_lists")
    assert connection is not None
    await world.house.connections.mark_needs_reauth(connection, "refused")
    page = await tab.open(PAGE)
    section = page.document.all("article", id="i-acmeLists")[0].text
    assert "Needs attention" in section
    assert "Connect again to go on" in section
    done = await tab.submit(page.document.form("/acmeLists/connect"), api_key="key-of-bob")
    assert "Bob" in done.document.text()


async def test_keys_are_generated_shown_hidden_and_revoked(world: World) -> None:
    tab = await world.signed_in()
    page = await tab.open(PAGE)
    done = await tab.submit(page.document.form("/acmeKeys/generate"))
    section = done.document.all("article", id="i-acmeKeys")[0].text
    key = re.search(r"key_\d+_abcdef", section)
    assert key
    (secret,) = (item for item in done.document.all("details", class_="secret") if key[0] in item.text)
    assert "open" not in secret.attributes
    buttons = [item for item in done.document.all("button") if item.attributes.get("data-copy") == key[0]]
    assert [("hidden" in item.attributes, item.text) for item in buttons] == [(True, "Copy API key")]
    assert "22 Dec 2025, 10:30 UTC" in section

    changed = await tab.submit(done.document.form("/acmeKeys/mode"), mode="two-way")
    assert changed.document.form("/acmeKeys/mode").fields["mode"] == "two-way"
    asked = await tab.submit(changed.document.form("/acmeKeys/revoke"))
    gone = await tab.submit(asked.document.form("/acmeKeys/revoke"))
    assert "The key is gone." in gone.document.text()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"mode": "sideways"}, "Please choose one of these"),
        ({"mode": "one-way", "note": "123456"}, "This may have 5 characters"),
        ({"mode": "one-way", "note": "\x00\x07"}, "This has characters that cannot be typed"),
        ({}, "Please fill this in"),
    ],
)
async def test_a_field_that_is_wrong_is_shown_again_with_its_reason(
    world: World, fields: dict[str, str], problem: str
) -> None:
    tab = await world.signed_in()
    page = await tab.submit((await tab.open(PAGE)).document.form("/acmeKeys/generate"))
    csrf = page.document.form("/acmeKeys/mode").fields["csrf"]
    refused = await tab.post(f"{PAGE}/acmeKeys/mode", {"csrf": csrf, **fields})
    assert refused.status == 400
    (wrong,) = (item for item in refused.document.elements if "aria-invalid" in item.attributes)
    (told,) = refused.document.all("p", class_="problem")
    assert told.attributes["id"] in wrong.attributes["aria-describedby"]
    assert told.text == problem


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("refuse", "Acme Keys is busy"),
        ("later", "not now"),
    ],
)
async def test_an_action_that_fails_says_so_in_its_section(world: World, action: str, message: str) -> None:
    tab = await world.signed_in()
    page = await tab.open(PAGE)
    done = await tab.submit(page.document.form(f"/acmeKeys/{action}"))
    assert done.status == 200
    (told,) = (item for item in done.document.all("p", role="alert"))
    assert message in told.text


async def test_what_is_not_offered_cannot_be_done(world: World) -> None:
    tab = await world.signed_in()
    csrf = (await tab.open(PAGE)).document.forms[0].fields["csrf"]
    for path in ("acmeKeys/revoke", "nothing/connect", "acmeLists/disconnect"):
        shown = await tab.follow(await tab.post(f"{PAGE}/{path}", {"csrf": csrf, "confirmed": "yes"}))
        assert "This cannot be done at present" in shown.document.text()


async def test_the_way_to_a_provider_leaves_the_page_without_a_redirect(world: World) -> None:
    tab = await world.signed_in()
    shown = await tab.submit((await tab.open(PAGE)).document.form("/acmeKeys/leave"))
    address = "https://accounts.example.com/auth?a=1&b=\"'<2>"
    assert (shown.status, shown.location) == (200, "")
    (refresh,) = (item for item in shown.document.all("meta") if "http-equiv" in item.attributes)
    assert refresh.attributes["content"] == f"0; url={address}"
    assert address in [item.attributes["href"] for item in shown.document.all("a")]


@pytest.mark.parametrize(
    ("query", "text", "role"),
    [
        ("success=true", "The account is connected.", "status"),
        ("success=yes", "", ""),
        ("success=true&service=acme_lists", "Acme Lists is connected.", "status"),
        ("success=true&service=evil.example", "The account is connected.", "status"),
        ("error=google_auth_failed", "Google was not connected, and nothing has changed.", "alert"),
        ("error=oauth_denied", "You did not give the permission.", "alert"),
        ("error=%3Cscript%3Esteal()%3C/script%3E", "The account was not connected", "alert"),
    ],
)
async def test_what_the_callback_said_is_shown_after_signing_in_too(
    world: World, query: str, text: str, role: str
) -> None:
    email, _ = await world.register()
    tab = world.tab()
    asked = await tab.open(f"{PAGE}?{query}")
    assert not asked.document.all("p", class_="notice")
    signed_in = await tab.submit(
        asked.document.form("/sign-in"), email=email, password="correct horse battery"
    )
    for shown in (signed_in, await tab.open(f"{PAGE}?{query}")):
        assert text in shown.document.text()
        told = [item.text for item in shown.document.all("p", role=role)] if role else [text]
        assert any(text in line for line in told)
        assert "steal()" not in shown.html
    assert (await tab.open(f"{PAGE}?error={'x' * 101}")).status == 400


async def test_one_users_page_shows_nothing_of_anothers(world: World) -> None:
    first, second = await world.signed_in(), await world.signed_in()
    page = await first.open(PAGE)
    await first.submit(page.document.form("/acmeLists/connect"), api_key="key-of-alice")
    assert "Alice" not in (await second.open(PAGE)).html


async def test_a_page_is_small(world: World) -> None:
    tab: Any = await world.signed_in()
    shown = await tab.open(PAGE)
    document = shown.document
    size = len(shown.html)
    for element in [*document.all("link", rel="stylesheet"), *document.all("script")]:
        size += len(
            (await world.ask("GET", element.attributes.get("href") or element.attributes["src"])).body
        )
    assert size < 50_000
    assert isinstance(tab, Tab)

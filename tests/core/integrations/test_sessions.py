"""Who may see and change the page: sign-in, renewal, sign-out, and everything that must not work."""

from __future__ import annotations

import pytest

from rallypoint.storage import clock

from .conftest import World
from .tab import Form

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGE = "/settings/integrations"
SESSION = "rallypoint_session"


async def test_signing_in_sets_a_cookie_that_only_the_page_gets(world: World) -> None:
    email, _ = await world.register()
    tab = world.tab()
    form = (await tab.open(PAGE)).document.form("/sign-in")
    done = await tab.submit(form, follow=False, email=email, password="correct horse battery")
    assert (done.status, done.location) == (303, PAGE)
    (cookie,) = done.set_cookies
    assert cookie.startswith(f"{SESSION}=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "Path=/settings", "SameSite=Lax"}
    assert email in (await tab.open(PAGE)).document.text()


@pytest.mark.parametrize(
    ("email", "password"), [("", "wrong password"), ("nobody@example.com", ""), (None, "")]
)
async def test_a_wrong_password_signs_nobody_in(world: World, email: str | None, password: str) -> None:
    known, _ = await world.register()
    tab = world.tab()
    shown = await tab.sign_in(email or known if email is not None else "<b>@x\"'", password)
    assert shown.status == 401
    assert SESSION not in tab.cookies
    (problem,) = shown.document.all("p", role="alert")
    assert problem.text == "Invalid email or password"
    assert "<b>" not in shown.html
    assert shown.document.form("/sign-in").fields["password"] == ""


async def test_the_sign_in_form_of_another_site_is_refused(world: World) -> None:
    email, _ = await world.register()
    tab = world.tab()
    form = (await tab.open(PAGE)).document.form("/sign-in")
    fields = {**form.fields, "email": email, "password": "correct horse battery"}
    for changed in ({"csrf": ""}, {"csrf": "x" * 43}, {"csrf": "ü"}):
        assert (await tab.post(form.action, {**fields, **changed})).status == 403
    assert (await tab.post(form.action, fields, sec_fetch_site="cross-site")).status == 403
    assert (await tab.post(form.action, fields, sec_fetch_site="same-site")).status == 403
    without_cookie = world.tab()
    assert (await without_cookie.post(form.action, fields)).status == 403
    assert SESSION not in {**tab.cookies, **without_cookie.cookies}


async def test_a_form_that_the_session_did_not_get_changes_nothing(world: World) -> None:
    tab, other = await world.signed_in(), await world.signed_in()
    form = (await tab.open(PAGE)).document.form("/acmeKeys/generate")
    foreign = (await other.open(PAGE)).document.form("/acmeKeys/generate")
    for csrf in ("", "x" * 43, foreign.fields["csrf"], tab.cookies["rallypoint_form"]):
        refused = await tab.post(form.action, {"csrf": csrf})
        assert refused.status == 403
        assert "out of date" in refused.document.text()
    assert (await tab.post(form.action, form.fields, sec_fetch_site="cross-site")).status == 403
    assert (await tab.post("/settings/sign-out", {"csrf": ""})).status == 403
    page = await tab.open(PAGE)
    assert [item.action for item in page.document.forms if "generate" in item.action]


async def test_signing_out_ends_the_session_everywhere(world: World) -> None:
    tab = await world.signed_in()
    page = await tab.open(PAGE)
    kept = dict(tab.cookies)
    done = await tab.submit(page.document.form("/sign-out"))
    assert "You are signed out." in done.document.text()
    assert SESSION not in tab.cookies
    tab.cookies = kept
    assert [form.action for form in (await tab.open(PAGE)).document.forms] == ["/settings/sign-in"]
    assert (await tab.submit(page.document.form("/sign-out"), follow=False)).status == 303


async def test_an_expired_session_is_renewed_with_its_forms(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await world.signed_in()
    page = await tab.open(PAGE)
    before = tab.cookies[SESSION]
    monkeypatch.setattr(clock._Offset, "ahead", clock._Offset.ahead + 2 * clock.HOUR)
    world.house.identity.authenticator._cache.clear()
    done = await tab.submit(page.document.form("/acmeKeys/generate"), follow=False)
    assert done.status == 303, "a form of before the renewal still holds"
    assert tab.cookies[SESSION] != before
    assert not [cookie for cookie in (await tab.open(PAGE)).set_cookies if SESSION in cookie], "once"


async def test_a_session_past_renewal_asks_again_and_does_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = await world.signed_in()
    form = (await tab.open(PAGE)).document.form("/acmeKeys/generate")
    monkeypatch.setattr(clock._Offset, "ahead", clock._Offset.ahead + 40 * clock.DAY)
    world.house.identity.authenticator._cache.clear()
    shown = await tab.submit(form)
    assert "You were signed out, so nothing was done." in shown.document.text()
    assert [item.action for item in shown.document.forms] == ["/settings/sign-in"]


@pytest.mark.parametrize("value", ["", "x", "gAAAAA", "x" * 5000, "ü"])
async def test_a_cookie_that_is_not_ours_signs_nobody_in(world: World, value: str) -> None:
    tab = world.tab()
    tab.cookies = {SESSION: value, "rallypoint_flash": value, "rallypoint_form": value}
    shown = await tab.open(PAGE)
    assert [form.action for form in shown.document.forms] == ["/settings/sign-in"]


async def test_cookies_cannot_stand_for_each_other(world: World) -> None:
    tab = await world.signed_in()
    session = tab.cookies[SESSION]
    tab.cookies["rallypoint_flash"] = session
    assert "eyJ" not in (await tab.open(PAGE)).html
    vault = world.house.vault
    for sealed in (
        vault.encrypt("not json"),
        vault.encrypt("[1, 2, 3, 4]"),
        vault.encrypt('["a", "b", "c", "d"]'),
    ):
        tab.cookies = {SESSION: sealed}
        assert [form.action for form in (await tab.open(PAGE)).document.forms] == ["/settings/sign-in"]


async def test_a_token_opens_no_page_and_a_cookie_no_api(world: World) -> None:
    _, token = await world.register()
    shown = await world.tab().open(PAGE, authorization=f"Bearer {token}")
    assert [form.action for form in shown.document.forms] == ["/settings/sign-in"]
    tab = await world.signed_in()
    cookie = "; ".join(f"{name}={value}" for name, value in tab.cookies.items())
    assert (await world.ask("GET", "/integrations/status", cookie=cookie)).status == 401


async def test_no_other_origin_may_read_a_page(world: World) -> None:
    tab = await world.signed_in()
    shown = await tab.open(PAGE, origin="http://localhost:5173")
    assert not [name for name in shown.headers if name.startswith("access-control-")]
    got = await world.ask("GET", "/integrations/status", origin="http://localhost:5173")
    assert got.headers["access-control-allow-origin"] == "http://localhost:5173"


async def test_nothing_leads_away_from_the_page(world: World) -> None:
    email, _ = await world.register()
    tab = world.tab()
    form = (await tab.open(f"{PAGE}?next=//evil.example&success=https://evil.example")).document.form(
        "/sign-in"
    )
    evil = {"next": "//evil.example", "error": "//evil.example", "return_to": "//evil.example"}
    sent = {**form.fields, **evil, "email": email, "password": "correct horse battery"}
    done = await tab.submit(Form(form.action, sent), follow=False)
    assert done.location.startswith(f"{PAGE}?")
    flash = await tab.submit((await tab.open(PAGE)).document.form("/sign-out"), follow=False)
    assert flash.location == PAGE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/settings/sign-in", 405),
        ("DELETE", f"{PAGE}/acmeKeys/generate", 405),
        ("GET", "/settings/nothing", 404),
        ("GET", f"{PAGE}/a/b/c", 404),
        ("PUT", PAGE, 405),
    ],
)
async def test_errors_below_settings_are_pages(world: World, method: str, path: str, status: int) -> None:
    got = await world.ask(method, path)
    assert got.status == status
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<h1>" in got.body


@pytest.mark.parametrize(
    "path", ["/settings", "/settings/sign-in", "/settings/sign-out", f"{PAGE}/acmeKeys/generate"]
)
async def test_the_address_of_a_form_leads_to_the_page_when_it_is_loaded(world: World, path: str) -> None:
    tab = await world.signed_in()
    shown = await tab.open(path)
    assert (shown.status, shown.location) == (303, PAGE)
    assert "Generate" in (await tab.follow(shown)).document.text(), "and does nothing"


async def test_a_form_must_be_a_form_and_of_bearable_size(world: World) -> None:
    tab = await world.signed_in()
    got = await world.ask("POST", "/settings/sign-in", {"email": "a"})
    assert (got.status, got.headers["content-type"]) == (415, "text/html; charset=utf-8")
    many = {f"field{number}": "x" for number in range(101)}
    assert (await tab.post("/settings/sign-in", many)).status == 400
    assert (await tab.post("/settings/sign-in", {"csrf": "x" * 201})).status == 400
    assert (await tab.post("/settings/sign-in", {"email": "x" * 2_000_000})).status == 413

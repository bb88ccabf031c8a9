"""The page of integrations in a real browser, against a real server."""

from __future__ import annotations

import pytest

from .conftest import Tab

pytestmark = [pytest.mark.browser, pytest.mark.node, pytest.mark.slow]

FOCUSMATE, KEYS, EVIL = "#i-focusmate", "#i-acmeKeys", "#i-evil"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FOCUS = "document.activeElement.innerText || document.activeElement.name || document.activeElement.tagName"


def connect(tab: Tab, key: str = "demo-key") -> None:
    tab("fill", label="API key", value=key, within=FOCUSMATE)
    tab.click("button", "Connect (Focusmate)", within=FOCUSMATE)


def test_a_service_is_connected_and_disconnected(signed_in: Tab) -> None:
    assert "Not connected" in signed_in.text(FOCUSMATE)
    connect(signed_in)
    text = signed_in.text(FOCUSMATE)
    assert "Focusmate is connected." in text
    assert "Mia" in text
    status, reply = signed_in.server.request(
        "GET", "/integrations/status", token=signed_in.server.request(
            "POST", "/api/session", {"user": {"email": signed_in.email, "password": "correct horse battery"}}
        )[1]["token"],
    )  # fmt: skip
    assert (status, reply["data"]["focusmate"]["account"]) == (200, "Mia")

    signed_in.click("button", "Disconnect (Focusmate)", within=FOCUSMATE)
    assert "Disconnect Focusmate?" in signed_in.text("main")
    signed_in.click("link", "Cancel")
    assert "Mia" in signed_in.text(FOCUSMATE)
    signed_in.click("button", "Disconnect (Focusmate)", within=FOCUSMATE)
    signed_in.click("button", "Disconnect")
    assert "Focusmate is disconnected." in signed_in.text(FOCUSMATE)


def test_a_refused_key_is_told_beside_its_field_and_has_the_focus(signed_in: Tab) -> None:
    connect(signed_in, "no-such-key")
    assert "Focusmate does not accept this key" in signed_in.text(FOCUSMATE)
    assert signed_in("evaluate", script="document.activeElement.getAttribute('aria-invalid')") == "true"
    assert signed_in("evaluate", script="document.activeElement.value") == ""
    assert signed_in("messages") == [
        "console error: Failed to load resource: the server responded with a status of 400 (Bad Request)"
    ]
    signed_in.open()


def test_a_wrong_password_is_told_and_signs_nobody_in(tab: Tab) -> None:
    tab.sign_in("wrong horse battery")
    assert "Invalid email or password" in tab.text()
    assert tab("evaluate", script="document.activeElement.id") == "password"
    assert "401" in tab("messages")[0]
    tab.open()


def test_a_key_is_generated_and_copied(chromium: object, signed_in: Tab) -> None:
    signed_in("open", options={"permissions": ["clipboard-read", "clipboard-write"]})
    signed_in("goto", url=signed_in.server.url + "/settings/integrations")
    signed_in.sign_in()
    signed_in.click("button", "Generate (Keys)", within=KEYS)
    assert "Your key is ready." in signed_in.text(KEYS)
    assert "_abcdef" not in signed_in.text(KEYS), "hidden until it is asked for"
    signed_in("evaluate", script=f"document.querySelector('{KEYS} details').open = true")
    key = next(line for line in signed_in.text(KEYS).splitlines() if line.endswith("_abcdef"))
    signed_in("click", role="button", name="Copy API key", within=KEYS)
    assert signed_in("evaluate", script="navigator.clipboard.readText()") == key
    signed_in.wait_for("API key copied", within="#said")


def test_zapiers_key_is_generated_and_copied_where_it_is_installed(signed_in: Tab) -> None:
    if "Zapier" not in signed_in.text("main"):
        pytest.skip("the zapier plugin is not installed")
    signed_in.click("button", "Generate key (Zapier)", within="#i-zapier")
    signed_in("click", role="button", name="Copy API key", within="#i-zapier")
    signed_in.wait_for("API key copied", within="#said")
    signed_in("evaluate", script="document.querySelector('#i-zapier details').open = true")
    assert "czp_" in signed_in.text("#i-zapier")
    signed_in.click("button", "Revoke key (Zapier)", within="#i-zapier")
    signed_in.click("button", "Revoke key")
    assert "The key is revoked." in signed_in.text("#i-zapier")


def test_a_mode_is_chosen_and_kept(signed_in: Tab) -> None:
    signed_in.click("button", "Generate (Keys)", within=KEYS)
    signed_in("select", label="Sync", value="two-way", within=KEYS)
    signed_in.click("button", "Save (Keys)", within=KEYS)
    signed_in("goto", url=signed_in.server.url + "/settings/integrations")
    assert signed_in("evaluate", script=f"document.querySelector('{KEYS} select').value") == "two-way"


def test_what_a_plugin_says_is_text_and_runs_nothing(signed_in: Tab) -> None:
    assert "<script>alert('x')</script>" in signed_in.text(EVIL)
    script = f"document.querySelectorAll('{EVIL} script, {EVIL} img').length"
    assert signed_in("evaluate", script=script) == 0


def test_smuggled_script_does_not_run_under_the_policy(signed_in: Tab) -> None:
    script = """() => {
      const image = document.createElement('img');
      image.setAttribute('onerror', 'window.ran = true');
      image.src = 'data:image/png;base64,AAAA';
      document.body.append(image);
      const inline = document.createElement('script');
      inline.textContent = 'window.ran = true';
      document.body.append(inline);
      return new Promise((done) => setTimeout(() => done(window.ran === true), 500));
    }"""
    assert signed_in("evaluate", script=f"({script})()") is False
    assert any("Content Security Policy" in message for message in signed_in("messages"))
    signed_in.open()


def test_a_form_with_another_sessions_token_is_refused(signed_in: Tab) -> None:
    tokens = f"document.querySelectorAll('{KEYS} [name=csrf]')"
    for value in ("'x'.repeat(43)", "''"):
        signed_in("evaluate", script=f"{tokens}.forEach((field) => {{ field.value = {value}; }})")
        signed_in.click("button", "Generate (Keys)", within=KEYS)
        assert "This form is out of date" in signed_in.text()
        signed_in("goto", url=signed_in.server.url + "/settings/integrations")
        assert "Generate" in signed_in.text(KEYS)
    assert all("403" in message for message in signed_in("messages"))
    signed_in.open()


def test_everything_is_done_with_the_keyboard_alone(tab: Tab) -> None:
    assert tab("evaluate", script="document.activeElement.id") == "email"
    tab("type", text=tab.email)
    tab("press", key="Tab")
    tab("type", text="correct horse battery")
    tab("press", key="Enter", away=True)
    tab("press", key="Tab")
    assert tab("evaluate", script=FOCUS) == "Skip to the content"
    tab("press", key="Enter")
    assert tab("evaluate", script="document.activeElement.id") == "content"
    walk_to(tab, "api_key", within=FOCUSMATE)
    tab("type", text="demo-key")
    tab("press", key="Enter", away=True)
    assert "Mia" in tab.text(FOCUSMATE)
    walk_to(tab, "Disconnect (Focusmate)", within=FOCUSMATE)
    tab("press", key="Enter", away=True)
    assert tab("evaluate", script=FOCUS) == "Cancel", "what takes something away is not under the finger"
    tab("press", key="Shift+Tab")
    assert tab("evaluate", script=FOCUS) == "Disconnect"
    tab("press", key="Enter", away=True)
    assert "Focusmate is disconnected." in tab.text(FOCUSMATE)


def walk_to(tab: Tab, what: str, within: str) -> None:
    """Press Tab until something has the focus, which must be seen on it."""
    inside = f"document.querySelector('{within}').contains(document.activeElement)"
    for _ in range(80):
        tab("press", key="Tab")
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert tab("evaluate", script=outline) != "none", tab("evaluate", script=FOCUS)
        if tab("evaluate", script=inside) and tab("evaluate", script=FOCUS).replace("\n", " ") == what:
            return
    raise AssertionError(f"{what} cannot be reached")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 320, 1280])
def test_nothing_is_cut_off_and_no_rule_of_accessibility_is_broken(tab: Tab, width: int, scheme: str) -> None:
    tab.open(viewport={"width": width, "height": 844}, colorScheme=scheme)
    assert tab("violations") == []
    tab.sign_in()
    connect(tab)
    tab.click("button", "Generate (Keys)", within=KEYS)
    assert not tab("evaluate", script=WIDE)
    assert tab("violations") == []
    tab.click("button", "Revoke (Keys)", within=KEYS)
    assert not tab("evaluate", script=WIDE)
    assert tab("violations") == []


def test_the_page_works_without_its_script(tab: Tab) -> None:
    tab.open(javaScriptEnabled=False)
    tab.sign_in()
    connect(tab)
    assert "Mia" in tab.text(FOCUSMATE)
    tab.click("button", "Disconnect (Focusmate)", within=FOCUSMATE)
    tab.click("button", "Disconnect")
    assert "Focusmate is disconnected." in tab.text(FOCUSMATE)
    tab.click("button", "Generate (Keys)", within=KEYS)
    assert "Copy" not in tab.text(KEYS), "what cannot work is not shown"


def test_the_way_to_a_provider_is_taken(signed_in: Tab) -> None:
    signed_in.click("button", "leave (Keys)", within=KEYS)
    signed_in("arrive", url="https://accounts.example.com/auth?a=1&b=%22%27%3C2%3E")


def test_signing_out_leaves_nothing_behind(signed_in: Tab) -> None:
    signed_in.click("button", "Sign out")
    assert "You are signed out." in signed_in.text()
    assert {cookie["name"] for cookie in signed_in("cookies")} == {"rallypoint_form"}
    signed_in("goto", url=signed_in.server.url + "/settings/integrations")
    assert "Focusmate" not in signed_in.text()


def test_cookies_are_out_of_the_scripts_reach_and_for_the_page_alone(signed_in: Tab) -> None:
    assert signed_in("evaluate", script="document.cookie") == ""
    for cookie in signed_in("cookies"):
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/settings")

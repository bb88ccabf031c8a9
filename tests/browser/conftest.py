"""A real server with its pages, and a Chromium that looks at them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from rallypoint.storage.ids import new_id
from rallypoint.testing.install import install_plugin
from rallypoint.testing.server import ServerProcess, free_port
from support.chromium import Browser

PAGE = "/settings/integrations"
PASSWORD = "correct horse battery"
ACME = Path(__file__).parents[1] / "core" / "integrations" / "acme.py"
PLUGINS = {"acme", "booking", "customers", "focusmate", "integrations", "rooms", "zapier"}
MANIFEST = 'name = "acme"\ntitle = "Acme"\nrequires_rallypoint = ">=0.1"\n'


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with Browser() as running:
        yield running


@pytest.fixture(scope="session")
def focusmate() -> Iterator[str]:
    """URL of Focusmate's stand-in."""
    port = free_port()
    command = [sys.executable, "-m", "rallypoint_focusmate.fake", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as fake:
        yield f"http://127.0.0.1:{port}/v1"
        fake.terminate()


@pytest.fixture(scope="session")
def pages(focusmate: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server; each test registers its own user."""
    site = tmp_path_factory.mktemp("site")
    install_plugin(site, "acme", ACME.read_text(), manifest=MANIFEST)
    installed = {entry.name for entry in entry_points(group="rallypoint.plugins")} | {"acme"}
    env = {
        "PYTHONPATH": str(site),
        "RALLYPOINT_PLUGINS": ",".join(sorted(PLUGINS & installed)),
        "RALLYPOINT_RATE_LIMITS": "off",
        "RALLYPOINT_FOCUSMATE_API_URL": focusmate,
        "RALLYPOINT_FOCUSMATE_SYNC_SECONDS": "3600",
    }
    with ServerProcess(tmp_path_factory.mktemp("pages"), env) as running:
        yield running


class Tab:
    """A browser's tab on the page, and the user whose it is.

    Args:
        browser: Which shows it.
        server: Which serves it.
    """

    def __init__(self, browser: Browser, server: ServerProcess) -> None:
        self.browser, self.server = browser, server
        self.email = f"{new_id()}@example.com"
        server.register(self.email, PASSWORD)

    def __call__(self, command: str, **arguments: Any) -> Any:
        """Have the browser do something."""
        return self.browser.do(command, **arguments)

    def open(self, **options: Any) -> None:
        """Begin with an empty profile at the sign-in."""
        self("open", options={"viewport": {"width": 1280, "height": 900}, **options})
        assert self("goto", url=self.server.url + PAGE) == 200

    def sign_in(self, password: str = PASSWORD) -> None:
        self("fill", label="E-mail address", value=self.email)
        self("fill", label="Password", value=password)
        self.click("button", "Sign in")

    def click(self, role: str, name: str, within: str | None = None) -> None:
        """Click what leads to another page."""
        self("click", role=role, name=name, within=within, away=True)

    def wait_for(self, text: str, within: str) -> None:
        """Wait until the page says something there, which it may do a moment after a click."""
        self("read", within=within, text=text)

    def text(self, within: str | None = None) -> str:
        return str(self("text", within=within))


@pytest.fixture
def tab(chromium: Browser, pages: ServerProcess) -> Iterator[Tab]:
    """A tab on the sign-in; whatever the browser had to say about a page fails the test."""
    opened = Tab(chromium, pages)
    opened.open()
    yield opened
    assert opened("messages") == []


@pytest.fixture
def signed_in(tab: Tab) -> Tab:
    tab.sign_in()
    return tab

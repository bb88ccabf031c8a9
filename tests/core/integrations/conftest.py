"""A whole server in process with the plugin ``acme`` and its provider, and tabs that look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.core.connections.conftest import AcmeFake
from tests.core.web.asgi import Got, ask

from rallypoint.app import App, build
from rallypoint.domains.integrations.api import Viewer
from rallypoint.plugins.discovery import discover
from rallypoint.settings import Settings
from rallypoint.storage.ids import new_id
from rallypoint.testing.install import install_plugin, on_path
from rallypoint.testing.oauth import OAuthFake

from .tab import Tab

HERE = Path(__file__).parent
MANIFEST = """
name = "{name}"
title = "{name}"
requires_rallypoint = ">=0.1"
"""
Opened = Callable[..., AbstractAsyncContextManager["World"]]


class World:
    """The server and its users; each test registers its own."""

    def __init__(self, app: App) -> None:
        self.app, self.house = app, app.house

    async def ask(self, method: str, path: str, json: Any = None, *, token: str = "", **headers: str) -> Got:
        sent = {"authorization": f"Bearer {token}"} if token else {}
        return await ask(self.app, method, path, json=json, headers={**sent, **headers})

    async def register(self, email: str = "") -> tuple[str, str]:
        """Register somebody and return their address and token."""
        email = email or f"{new_id()}@example.com"
        user = {"email": email, "password": "correct horse battery", "company_name": "Acme"}
        reply = await self.ask("POST", "/api/registration", {"user": user})
        return email, reply.json()["token"]

    async def viewer(self, token: str) -> Viewer:
        return Viewer.of(await self.house.identity.authenticator.authenticate(token))

    def tab(self) -> Tab:
        return Tab(self.app)

    async def signed_in(self) -> Tab:
        """Register somebody, and open the page as them."""
        email, _ = await self.register()
        tab = self.tab()
        assert (await tab.sign_in(email)).status == 200
        return tab

    async def status(self, token: str) -> Any:
        return (await self.ask("GET", "/integrations/status", token=token)).json()

    def plugin_status(self, name: str) -> Any:
        return next(item for item in self.app.opening.plugins.statuses if item.name == name)


@pytest.fixture(scope="module")
def opened(new_database: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Opens servers with the plugins ``with_plugins``, under settings given by name."""
    site = tmp_path_factory.mktemp("site")

    @asynccontextmanager
    async def open_(*with_plugins: str, **values: Any) -> AsyncIterator[World]:
        for name in with_plugins:
            code = (HERE / f"{name}.py").read_text()
            install_plugin(site, name, code, manifest=MANIFEST.format(name=name))
        data_dir = tmp_path_factory.mktemp("data")
        defaults = {
            "data_dir": data_dir,
            "database_url": new_database(data_dir),
            "serve_jobs": True,
            "secret_key": "x" * 40,
            "rate_limits": False,
        }
        found = [item for item in discover() if item.name in ("integrations", *with_plugins)]
        app = build(Settings(_env_file=None, **{**defaults, **values}), found=found)
        try:
            await app.opening.open()
            yield World(app)
        finally:
            await app.opening.close()

    with on_path(site):
        yield open_


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(opened: Opened) -> AsyncIterator[World]:
    """A server that the tests of a module share."""
    with pytest.MonkeyPatch.context() as patch:
        async with AcmeFake() as provider, OAuthFake() as consent:
            patch.setenv("RALLYPOINT_ACME_API_URL", provider.url)
            patch.setenv("RALLYPOINT_ACME_MAIL_URL", consent.url)
            async with opened("acme") as made:
                yield made

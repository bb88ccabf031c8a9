"""The plugin authors' page: its commands and code are run, its lists compared with the code."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from tests.core.integrations.tab import Document

from docs.markdown import ROOT, blocks
from rallypoint.plugins import hookspecs
from rallypoint.plugins.manifest import Manifest
from rallypoint.testing.contract.checks import CHECKS
from rallypoint.testing.contract.examination import examine
from rallypoint.testing.install import install_plugin, on_path
from rallypoint.testing.server import ServerProcess

PAGE = "docs/plugin-authors.md"
PATH = "/settings/integrations"
TEXT = (ROOT / PAGE).read_text()
EVENT, ROOMS, CONSENT, CONSENTING, SECTION, CONTRACT, SERVER = range(7)

# Installs into a folder of the test's own, and what is there already is not fetched again.
PIP = f"""#!/bin/sh
if [ "$1" = install ]; then set -- install --no-deps --target "$SITE" .; fi
exec {sys.executable} -m pip --quiet --disable-pip-version-check "$@"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the page's commands were run, one after the other."""
    home = tmp_path_factory.mktemp("author")
    (home / "bin").mkdir()
    (home / "bin" / "pip").write_text(PIP)
    (home / "bin" / "pip").chmod(0o755)
    run("\n".join(blocks(PAGE, "bash")), home, home)
    return home


def run(script, home, cwd):
    env = {
        **os.environ,
        "PATH": f"{home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SITE": str(home / "site"),
        "PYTHONPATH": str(home / "site"),
        "RALLYPOINT_DATA_DIR": str(home / "var"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=env, cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_way_from_an_empty_folder_to_a_wheel(folder):
    assert (folder / "rallypoint-acme" / "dist" / "rallypoint_acme-0.1.0-py3-none-any.whl").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [CONTRACT, SERVER], ids=["contract", "server"])
def test_the_tests_on_the_page_pass(folder, number):
    test = folder / "rallypoint-acme" / "tests" / "test_page.py"
    test.write_text(blocks(PAGE, "python")[number])
    run("pytest -q tests/test_page.py", folder, folder / "rallypoint-acme")


@pytest.mark.parametrize(
    "number", [EVENT, ROOMS, CONSENT, SECTION], ids=["event", "rooms", "consent", "section"]
)
def test_the_hooks_on_the_page_load(tmp_path, number):
    site = tmp_path / "site"
    with on_path(site):
        install_plugin(site, "paged", blocks(PAGE, "python")[number])
        examined = examine("paged", tmp_path)
    assert examined.present.lived.statuses["paged"]["status"] == "active"


@pytest.mark.slow
def test_users_connect_by_consent_as_on_the_page(tmp_path):
    install_plugin(tmp_path / "site", "calendars", blocks(PAGE, "python")[CONSENT])
    (tmp_path / "test_page.py").write_text(blocks(PAGE, "python")[CONSENTING])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "test_page.py"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_users_change_the_section_on_the_page(tmp_path):
    install_plugin(tmp_path / "site", "weather", blocks(PAGE, "python")[SECTION])
    env = {"PYTHONPATH": str(tmp_path / "site"), "RALLYPOINT_PLUGINS": "integrations,weather"}
    with ServerProcess(tmp_path / "data", env) as server:
        token = server.register("mia@example.com")
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

        def load(path, fields=None):
            body = None if fields is None else urllib.parse.urlencode(fields).encode()
            with browser.open(server.url + path, body, timeout=30) as reply:
                return Document(reply.read().decode())

        def send(page, ending, **fields):
            form = page.form(ending)
            return load(form.action, {**form.fields, **fields})

        page = send(load(PATH), "/sign-in", email="mia@example.com", password="correct horse battery")
        page = send(page, "/weather/choose", city="Kathmandu")
        assert "The city is chosen." in page.text()
        told = server.request("GET", "/integrations/status", token=token)[1]["data"]["weather"]
        assert told == {"connected": True, "city": "Kathmandu"}
        page = send(send(page, "/weather/forget"), "/weather/forget")
        assert "The city is forgotten." in page.text()


def test_every_hook_and_promise_is_there():
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, "rallypoint_spec")]
    assert len(hooks) > 10
    assert [name for name in hooks if f"`{name}`" not in TEXT] == []
    assert [check.promise for check in CHECKS if f"- {check.promise}\n" not in TEXT] == []


def test_the_manifest_on_the_page_is_valid():
    (manifest,) = blocks(PAGE, "toml")
    assert Manifest.model_validate(tomllib.loads(manifest)).commands[0].name == "acme-import"

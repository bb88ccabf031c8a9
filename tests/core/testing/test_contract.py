"""The contract suite: our own domain keeps every promise, and a plugin that breaks one is told which."""

from __future__ import annotations

import pytest

from rallypoint.testing.contract import contract_of
from rallypoint.testing.contract.checks import CHECKS
from rallypoint.testing.contract.examination import NotExaminedError, examine
from rallypoint.testing.install import install_plugin, on_path

pytestmark = pytest.mark.slow
TestRooms = contract_of("rooms")

RUDE_MANIFEST = """
name = "rude"
title = "Rude"
[[prefixes]]
path = "/rude"
"""
RUDE = """
import asyncio, contextlib, itertools, socket, threading, time
from pydantic import SecretStr
from rallypoint.sdk import Inbound, PluginSettings, Unavailable, WebhookSource, hookimpl

with contextlib.suppress(OSError):
    socket.create_connection(("192.0.2.1", 443), timeout=1)
until = time.process_time() + 0.6
while time.process_time() < until:
    pass
kept = []

class Settings(PluginSettings):
    token: SecretStr = SecretStr("")
    other: int = 1

@hookimpl
def register_settings():
    return Settings

@hookimpl
def register_webhooks(ctx):
    counter = itertools.count()
    async def handle(inbound):
        pass
    def unready(inbound):
        raise Unavailable("no secret")
    def source(name, sample, verify=lambda inbound: None):
        return WebhookSource(
            f"rude-{name}", f"/rude/{name}", verify=verify,
            delivery_id=lambda inbound: str(next(counter)), handle=handle, sample=sample,
        )
    return [
        source("open", lambda: Inbound(b"{}", {}, {}, "/rude/open")),
        source("unsampled", None),
        source("unready", lambda: Inbound(b"{}", {}, {}, "/rude/unready"), unready),
        source("elsewhere", lambda: Inbound(b"{}", {}, {}, "/rude/nowhere")),
    ]

@hookimpl
async def startup(ctx):
    kept.append(asyncio.create_task(asyncio.sleep(600), name="left"))
    kept.append(socket.socket())
    threading.Thread(target=time.sleep, args=(3,), name="left behind", daemon=True).start()
    print("starting with", ctx.settings.token.get_secret_value())

@hookimpl
async def diagnostics(ctx):
    return {"facts": ctx.settings.token.get_secret_value()}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with on_path(folder):
        yield folder


@pytest.fixture(scope="module")
def rude(site, tmp_path_factory):
    install_plugin(site, "rude", RUDE, manifest=RUDE_MANIFEST)
    return examine("rude", tmp_path_factory.mktemp("rude"))


def problems(examined, name):
    (check,) = (check for check in CHECKS if check.name == name)
    return " | ".join(check.run(examined))


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("manifest", "does not say requires_rallypoint"),
        ("offline", "import or registration uses the network: socket.getaddrinfo 192.0.2.1"),
        ("quick", "s of processor time; 0.5 are allowed"),
        ("signed", "/rude/open answers 200 to an unsigned delivery"),
        ("signed", "/rude/open answers 200 to a tampered delivery"),
        ("once", "/rude/unsampled gives no sample"),
        ("once", "/rude/open keeps"),
        ("once", "/rude/unready is not configured"),
        ("once", "/rude/elsewhere answers 404, then 404"),
        ("discreet", "in its status, health or diagnostics"),
        ("discreet", "in the log"),
        ("tidy", "1 × task sleep"),
        ("tidy", "1 × thread left behind"),
        ("tidy", "× sockets"),
        ("documented", "there is no README.md"),
    ],
)
def test_a_broken_promise_is_named(rude, check, said):
    assert said in problems(rude, check)


def test_the_promises_that_it_keeps_are_not_held_against_it(rude):
    assert [problems(rude, name) for name in ("loads", "at-home", "removable")] == ["", "", ""]


def test_a_readme_that_forgets_a_setting_is_named(rude, site):
    described = rude.__class__(rude.found, "Set RALLYPOINT_RUDE_TOKEN.", rude.present, rude.absent)
    assert problems(described, "documented") == "the README does not name RALLYPOINT_RUDE_OTHER"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os._exit(9)", "the server ended before it was examined"),
        ("raise ValueError('no')", "failed at import: ValueError: no"),
        ("raise SystemExit(1)", "failed at import: SystemExit"),
        (
            "from rallypoint.sdk import PluginSettings, hookimpl\n"
            "class Settings(PluginSettings):\n    url: str\n"
            "@hookimpl\ndef register_settings():\n    return Settings\n",
            "needs_config at settings: RALLYPOINT_BAD_URL",
        ),
    ],
)
def test_one_that_does_not_load_keeps_no_promise_that_needs_it_to_run(site, tmp_path, code, said):
    install_plugin(site, "bad", code)
    examined = examine("bad", tmp_path)
    assert said in problems(examined, "loads")
    assert problems(examined, "removable") == ""


def test_a_manifest_that_cannot_be_read_is_told(site, tmp_path):
    install_plugin(site, "vague", manifest="name = 1")
    examined = examine("vague", tmp_path)
    assert "plugin.toml" in problems(examined, "manifest")
    assert "failed at manifest" in problems(examined, "loads")


def test_what_a_setting_needs_can_be_given(site, tmp_path):
    code = (
        "from rallypoint.sdk import PluginSettings, hookimpl\nclass Settings(PluginSettings):\n    url: str\n"
    )
    install_plugin(site, "needy", code + "@hookimpl\ndef register_settings():\n    return Settings\n")
    assert problems(examine("needy", tmp_path, {"RALLYPOINT_NEEDY_URL": "x"}), "loads") == ""


def test_only_installed_plugins_can_be_examined(tmp_path):
    with pytest.raises(NotExaminedError, match="'nobody'"):
        examine("nobody", tmp_path)


def test_a_route_outside_its_prefixes_is_named(site, tmp_path):
    code = """
        from rallypoint.sdk import Done, Reply, Routes, hookimpl

        @hookimpl
        def register_routes(ctx):
            routes = Routes("/elsewhere")
            @routes.add("GET", "/hello", summary="Say hello", replies={200: Done})
            async def hello(call):
                return Reply(Done(message="hello"))
            return routes
    """
    install_plugin(site, "stray", code)
    assert "GET /elsewhere/hello" in problems(examine("stray", tmp_path), "at-home")


def test_a_process_that_hangs_is_not_waited_for_for_ever(tmp_path):
    assert "did not end within 0.1 s" in problems(examine("rooms", tmp_path, seconds=0.1), "loads")

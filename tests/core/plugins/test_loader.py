from __future__ import annotations

from pathlib import Path

import pytest

from rallypoint.plugins.loader import StartRefused
from rallypoint.testing.install import install_plugin

GOOD = """
from rallypoint.sdk import Done, EventType, PluginSettings, Reply, Routes, Task, hookimpl

class Settings(PluginSettings):
    greeting: str = "hello"

@hookimpl
def register_settings():
    return Settings

@hookimpl
def register_events(ctx):
    return [EventType("good.happened", "Something good")]

@hookimpl
def register_routes(ctx):
    routes = Routes("/good")
    @routes.add("GET", "/hello", summary="Say hello", replies={200: Done})
    async def hello(call):
        return Reply(Done(message=ctx.settings.greeting))
    return routes

@hookimpl
async def startup(ctx):
    ctx.log.info("up")
"""


def test_a_good_plugin_is_active_with_what_it_brought(site: Path, load_plugins, monkeypatch) -> None:
    install_plugin(site, "good", GOOD)
    monkeypatch.setenv("RALLYPOINT_GOOD_GREETING", "hi")
    plugins = load_plugins()
    status, plugin = plugins.statuses[-1], plugins.loaded[-1]
    assert (status.status, status.stage, status.reason) == ("active", "", "")
    assert (status.distribution, status.version, status.routes) == (
        "rallypoint-good",
        "1.0",
        ("GET /good/hello",),
    )
    assert plugin.ctx.settings.greeting == "hi"
    assert [event.name for event in plugin.contributions.events] == ["good.happened"]


def test_a_name_that_nobody_has_is_an_error(site: Path, load_plugins) -> None:
    install_plugin(site, "good", GOOD)
    with pytest.raises(StartRefused, match="typo, which is not installed"):
        load_plugins(plugins="good,typo")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"plugins": "other"}, "RALLYPOINT_PLUGINS does not name it"),
        ({"disabled_plugins": "good"}, "RALLYPOINT_DISABLED_PLUGINS names it"),
        ({"safe_mode": True}, "RALLYPOINT_SAFE_MODE is on"),
    ],
)
def test_modes_leave_plugins_out(site: Path, load_plugins, values, reason) -> None:
    install_plugin(site, "good", GOOD)
    install_plugin(site, "other")
    by_name = {status.name: status for status in load_plugins(**values).statuses}
    assert (by_name["good"].status, by_name["good"].reason) == ("disabled", reason)


def test_strict_mode_refuses_a_bad_plugin_by_name(site: Path, load_plugins) -> None:
    install_plugin(site, "bad", "raise ValueError('no')")
    with pytest.raises(StartRefused, match=r"bad \(rallypoint-bad\) failed: ValueError: no"):
        load_plugins(strict_plugins=True)


def test_the_operators_interrupt_stops_the_start_and_blames_nobody(
    site: Path, load_plugins, tmp_path
) -> None:
    install_plugin(site, "good", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_plugins()
    assert not (tmp_path / "var" / "loading" / "good").exists()


def test_a_marker_left_behind_leaves_the_plugins_own_hooks_out_too(
    site: Path, load_plugins, tmp_path
) -> None:
    manifest = 'name = "good"\ntitle = "Good"\nhookspecs = "rallypoint_good.hookspecs"\n'
    install_plugin(site, "good", manifest=manifest)
    (tmp_path / "var" / "loading").mkdir(parents=True)
    (tmp_path / "var" / "loading" / "good").write_text("1.0")
    status = load_plugins().statuses[-1]
    assert (status.status, status.stage) == ("failed", "import")
    assert (tmp_path / "var" / "loading" / "good").read_text() == "1.0"

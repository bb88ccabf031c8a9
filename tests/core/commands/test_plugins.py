"""What operators see of plugins, with and without a server, and what they do with them."""

from __future__ import annotations

import json

import pytest

from rallypoint.security.secrets import ensure_secret_key, lock_data_dir
from rallypoint.settings import Settings
from rallypoint.testing.install import install_plugin
from rallypoint.testing.server import ServerProcess

GOOD = """
from pydantic import SecretStr
from rallypoint.sdk import Done, PluginSettings, Reply, Routes, hookimpl

class Settings(PluginSettings):
    greeting: str = "hello"
    token: SecretStr = SecretStr("")

@hookimpl
def register_settings():
    return Settings

@hookimpl
def register_routes(ctx):
    routes = Routes("/good")
    @routes.add("GET", "/hello", summary="Say hello", replies={200: Done})
    async def hello(call):
        return Reply(Done(message=ctx.settings.greeting))
    return routes

@hookimpl
async def startup(ctx):
    await ctx.store.set("greeted", 3)

@hookimpl
async def diagnostics(ctx):
    return {"greeted": await ctx.store.get("greeted"), "token": ctx.settings.token.get_secret_value()}
"""
DEADLY = "import os; os._exit(9)"


def listed(done):
    assert done.exit_code == 0, done.output
    return {one["name"]: one for one in json.loads(done.output)}


def test_without_a_server_plugins_are_looked_at_and_nothing_is_left_behind(rallypoint, site, tmp_path):
    install_plugin(site, "good", GOOD)
    install_plugin(site, "deadly", DEADLY)
    install_plugin(site, "raises", "raise ValueError('no')")
    found = listed(rallypoint("plugin", "list", "--json"))
    assert found["good"]["status"] == "active"
    assert (found["deadly"]["status"], found["deadly"]["distribution"]) == ("failed", "rallypoint-deadly")
    assert "took the process down" in found["deadly"]["reason"]
    assert (found["raises"]["stage"], "ValueError: no" in found["raises"]["reason"]) == ("import", True)
    assert not (tmp_path / "var").exists()
    table = rallypoint("plugin", "list").output
    assert "rallypoint-deadly" in table
    assert "No server is running" in table


def test_settings_that_no_server_would_start_with_are_said(rallypoint):
    done = rallypoint("plugin", "list", RALLYPOINT_PLUGINS="typo")
    assert (done.exit_code, "names typo, which is not installed" in done.output) == (1, True)


def test_one_plugin_is_shown_without_its_secrets(rallypoint, site):
    install_plugin(site, "good", GOOD)
    done = rallypoint("plugin", "show", "good", "--json", RALLYPOINT_GOOD_TOKEN="s3cr3t-of-good")
    shown = json.loads(done.output)
    assert shown["routes"] == ["GET /good/hello"]
    assert shown["settings"] == [
        {"name": "RALLYPOINT_GOOD_GREETING", "state": "hello", "given": False},
        {"name": "RALLYPOINT_GOOD_TOKEN", "state": "set", "given": True},
    ]
    assert "s3cr3t" not in done.output
    assert "RALLYPOINT_GOOD_TOKEN = not set" in rallypoint("plugin", "show", "good").output


def test_diagnostics_that_fail_are_said_and_the_rest_is_shown(rallypoint, site, tmp_path):
    code = "from rallypoint.sdk import hookimpl\n@hookimpl\nasync def diagnostics(ctx):\n    raise ValueError('no')\n"
    manifest = 'name = "mute"\ntitle = "Mute"\ndocs = "https://mute.example.com"\n'
    install_plugin(site, "mute", code, manifest=manifest)
    rallypoint("plugin", "resume", "mute")  # makes the database
    ensure_secret_key(Settings(data_dir=tmp_path / "var", _env_file=None))
    shown = json.loads(rallypoint("plugin", "show", "mute", "--json").output)
    assert shown["docs"] == "https://mute.example.com"
    assert "ValueError: no" in shown["diagnostics"]["not available"]


@pytest.mark.parametrize("command", ["show", "resume", "check"])
def test_a_plugin_that_is_not_installed_is_an_error(rallypoint, site, command):
    done = rallypoint("plugin", command, "nobody")
    assert (done.exit_code, "no installed plugin is called 'nobody'" in done.output) == (1, True)


@pytest.mark.slow
def test_beside_a_running_server_and_after_uninstalling(rallypoint, site, tmp_path, monkeypatch):
    install_plugin(site, "good", GOOD)
    install_plugin(site, "deadly", DEADLY)
    data_dir = tmp_path / "running"
    (data_dir / "loading").mkdir(parents=True)
    (data_dir / "loading" / "deadly").write_text("1.0")  # it took an earlier server down

    def run(*arguments, **options):
        return rallypoint("plugin", *arguments, data_dir=data_dir, **options)

    with ServerProcess(data_dir):
        done = run("list")
        assert "rallypoint-good" in done.output
        assert "No server is running" not in done.output
        assert listed(run("list", "--json"))["deadly"]["status"] == "failed"
        shown = json.loads(run("show", "good", "--json").output)
        assert shown["diagnostics"] == {"greeted": 3, "token": "[redacted]"}
        assert "within two seconds" in run("resume", "good").output
        assert "at the next start" in run("resume", "deadly").output
        assert not (data_dir / "loading" / "deadly").exists()
        refused = run("purge", "good", "--yes")
        assert (refused.exit_code, "good runs in process" in refused.output) == (1, True)
    for path in [*site.glob("rallypoint_good-*"), *site.glob("rallypoint_deadly-*")]:
        path.rename(tmp_path / path.name)  # as pip uninstall does
    assert "rallypoint plugin purge good" in run("list").output
    asked = run("purge", "good", input="n\n")
    assert asked.exit_code == 1
    assert "rows in stored_values (1)" in asked.output
    assert run("purge", "good", "--yes").output.endswith("Deleted.\n")
    assert "no plugin 'good' has run" in run("purge", "good", "--yes").output
    assert "a part of the core" in run("purge", "rooms", "--yes").output


def test_a_database_that_a_server_is_about_to_migrate_is_left_to_it(rallypoint, site, tmp_path):
    install_plugin(site, "good", GOOD)
    data_dir = tmp_path / "var"
    with lock_data_dir(data_dir):  # as a server that starts
        (data_dir / "rallypoint.db").touch()
        assert listed(rallypoint("plugin", "list", "--json"))["good"]["status"] == "active"
        assert "try again" in rallypoint("plugin", "resume", "good").output
    assert "at the next start" in rallypoint("plugin", "resume", "good").output


def test_check_says_which_promise_is_broken(rallypoint, site):
    install_plugin(site, "good", GOOD)
    broken = rallypoint("plugin", "check", "good")
    assert broken.exit_code == 1
    assert "✗ No secret shows in status, diagnostics or log\n    a secret setting shows" in broken.output
    kept = rallypoint("plugin", "check", "rooms")
    assert (kept.exit_code, "✗" in kept.output) == (0, False)

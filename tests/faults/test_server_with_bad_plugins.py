"""A real server with every plugin of ``plugins/`` that does harm, all installed at once."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rallypoint.testing.install import install_folder, install_plugin
from rallypoint.testing.server import ServerDied, ServerProcess

pytestmark = pytest.mark.slow
KINDS = Path(__file__).parent / "plugins"
EXPECTED = {path.parent.name: tomllib.loads(path.read_text()) for path in KINDS.glob("*/expect.toml")}

BAD_MIGRATION = {
    "models.py": """
        from tortoise import fields
        from tortoise.models import Model

        class Thing(Model):
            id = fields.IntField(primary_key=True)

            class Meta:
                table = "bad_migration_things"
        """,
    "migrations/__init__.py": "",
    "migrations/0001_initial.py": """
        from tortoise import migrations
        from tortoise.migrations import operations as ops

        class Migration(migrations.Migration):
            initial = True
            operations = [ops.RunSQL("CREATE TABLE bad_migration_things (id int); SELECT * FROM nowhere")]
        """,
}
REGISTERS_MODELS = """
    from rallypoint.sdk import hookimpl

    @hookimpl
    def register_models():
        return "rallypoint_bad_migration.models"
    """
MISBEHAVES = """
    import time

    from rallypoint.sdk import Access, Done, PluginSettings, Reply, Routes, Task, hookimpl

    @hookimpl
    def register_routes(ctx):
        routes = Routes("/misbehaves")

        @routes.add("GET", "/ok", summary="Works", replies={200: Done}, access=Access.PUBLIC)
        async def ok(call):
            return Reply(Done(message="ok"))

        @routes.add("GET", "/bug", summary="Raises", replies={200: Done}, access=Access.PUBLIC)
        async def bug(call):
            raise ZeroDivisionError("a bug")

        @routes.add("GET", "/block", summary="Blocks", replies={200: Done}, access=Access.PUBLIC)
        async def block(call):
            time.sleep(30)

        return routes
    """


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[ServerProcess]:
    site = tmp_path_factory.mktemp("site")
    for kind in EXPECTED:
        install_folder(site, KINDS / kind)
    install_plugin(site, "bad_migration", REGISTERS_MODELS, files=BAD_MIGRATION)
    install_plugin(site, "misbehaves", MISBEHAVES)
    env = {"PYTHONPATH": str(site), "RALLYPOINT_LOAD_TIMEOUT": "1.5", "RALLYPOINT_HOOK_TIMEOUT": "0.5",
           "RALLYPOINT_HOOK_BLOCK_TIMEOUT": "0.3", "RALLYPOINT_RATE_LIMITS": "off"}  # fmt: skip
    for expected in EXPECTED.values():
        env |= expected.get("environment", {})
    running = ServerProcess(tmp_path_factory.mktemp("server"), env)
    start_through_crashes(running)
    yield running
    running.stop()


def start_through_crashes(server: ServerProcess) -> None:
    """Start as a supervisor would: a plugin that takes the process down is skipped at the next start."""
    killers = sum("kills" in expected for expected in EXPECTED.values())
    for _ in range(killers):
        with pytest.raises(ServerDied):
            server.start()
    server.start()


@pytest.fixture(scope="module")
def operator(server: ServerProcess) -> str:
    token = re.findall(r"rp_setup_\w+", server.log.read_text())[-1]
    body = {"user": {"email": "op@example.com", "password": "correct horse battery", "setup_token": token}}
    status, reply = server.request("POST", "/api/registration", body)
    assert status == 201, reply
    return str(reply["token"])


def states(server: ServerProcess, operator: str) -> dict[str, dict[str, str]]:
    status, reply = server.request("GET", "/api/plugins", token=operator)
    assert status == 200
    return {plugin["name"]: plugin for plugin in reply["data"]}


def test_everything_else_serves(server):
    token = server.register("user@example.com")
    assert server.request("POST", "/api/v1/rooms", {"name": "Works"}, token=token)[0] == 201
    assert server.request("GET", "/ready")[0] == 200
    assert server.request("GET", "/misbehaves/ok")[0] == 200


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_each_status_says_what_is_wrong(server, operator, kind):
    expected, plugin = EXPECTED[kind], states(server, operator)[kind]
    assert plugin["distribution"] == f"rallypoint-{kind.replace('_', '-')}"
    if expected.get("hook", "startup") == "startup":  # other hooks are called later, or not here
        assert (plugin["status"], plugin["stage"]) == (expected["status"], expected["stage"])
        assert re.search(expected["reason"], plugin["reason"])
        assert expected["remedy"] in plugin["remedy"]
    assert "s3cret" not in str(plugin)


def test_the_paths_of_what_cannot_serve_say_so_and_nobody_elses(server):
    for path in ("/lacks_a_setting", "/lacks_a_setting/below"):
        status, reply = server.request("POST", path, {})
        assert (status, reply["error"]["code"]) == (503, "UNAVAILABLE")
        assert reply["error"]["message"] == "Needs a setting that is not set is not configured on this server"
    status, reply = server.request("GET", "/raises_at_import")
    assert (status, reply["error"]["code"]) == (503, "UNAVAILABLE")
    assert "does not work at present" in reply["error"]["message"]
    assert server.request("GET", "/lacks_a_settings")[0] == 404
    assert server.request("GET", "/misbehaves/nothing")[0] == 404
    assert server.request("GET", "/api/v1/rooms/x/y")[0] == 404  # a bad plugin claims it


def test_a_failed_migration_is_a_stage_of_its_own_and_leaves_nothing(server, operator):
    plugin = states(server, operator)["bad_migration"]
    assert (plugin["status"], plugin["stage"]) == ("failed", "migration")
    assert "nowhere" in plugin["reason"]


def test_operators_alone_see_it(server):
    token = server.register("nosy@example.com")
    assert server.request("GET", "/api/plugins", token=token)[0] == 403
    assert server.request("GET", "/api/plugins")[0] == 401


def test_a_route_that_keeps_failing_is_quarantined_and_resumed_live(server, operator):
    for _ in range(5):
        status, reply = server.request("GET", "/misbehaves/bug")
        assert (status, reply["error"]["code"]) == (500, "INTERNAL")
        assert "bug" not in reply["error"]["message"]
    status, reply = server.request("GET", "/misbehaves/ok")
    assert (status, reply["error"]["code"]) == (503, "UNAVAILABLE")
    wait_for(lambda: states(server, operator)["misbehaves"]["status"] == "quarantined")
    assert server.request("POST", "/api/plugins/misbehaves/resume", token=operator)[0] == 200
    wait_for(lambda: server.request("GET", "/misbehaves/ok")[0] == 200)


def test_a_route_that_blocks_the_loop_is_stopped(server):
    begun = time.monotonic()
    assert server.request("GET", "/misbehaves/block")[0] == 500
    assert server.request("GET", "/health")[0] == 200
    assert time.monotonic() - begun < 15  # it would have slept for thirty seconds


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.1)

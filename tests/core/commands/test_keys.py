"""``rallypoint keys rotate`` and ``connections show`` beside a running server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rallypoint.cli import main
from rallypoint.testing.server import ServerProcess

OLD, NEW = "o" * 40, "n" * 40


def run(server: ServerProcess, *arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, list(arguments), env={**server._env, **env})


def hook(server: ServerProcess, token: str) -> str:
    room = {"name": "Focus", "webhook_url": "http://127.0.0.1:9/hook"}
    return str(server.request("POST", "/api/v1/rooms", room, token=token)[1]["data"]["id"])


@pytest.mark.slow
def test_a_key_is_changed_while_servers_run(server_env: Callable[[], dict[str, str]], tmp_path: Path) -> None:
    env = {**server_env(), "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on", "RALLYPOINT_RATE_LIMITS": "off"}
    with ServerProcess(tmp_path, {**env, "RALLYPOINT_SECRET_KEY": OLD}) as first:
        room = hook(first, first.register("a@example.com"))
        target = first.request("GET", "/health")
    assert target[0] == 200
    both = {**env, "RALLYPOINT_SECRET_KEY": NEW, "RALLYPOINT_PREVIOUS_SECRET_KEYS": OLD}
    with ServerProcess(tmp_path, both) as second:
        done = run(second, "keys", "rotate")
        assert done.exit_code == 0, done.output
        assert "webhook_targets.secret: 1 encrypted anew, 0 already were" in done.output
        assert "room_integrations.api_key: 0 encrypted anew" in done.output
        again = run(second, "keys", "rotate")
        assert "webhook_targets.secret: 0 encrypted anew, 1 already were" in again.output
    alone = {**env, "RALLYPOINT_SECRET_KEY": NEW}
    with ServerProcess(tmp_path, alone) as third:
        lost = run(third, "keys", "rotate", RALLYPOINT_SECRET_KEY="z" * 40)
        assert lost.exit_code == 1
        assert "1 CANNOT BE READ" in lost.output
        fine = run(third, "keys", "rotate")
        assert fine.exit_code == 0, fine.output
        assert room


@pytest.mark.slow
def test_somebodys_connections_are_shown(server: ServerProcess, new_caller: Callable[[], Any]) -> None:
    from rallypoint.storage.ids import new_id

    email = f"{new_id()}@example.com"
    assert "nobody has registered" in run(server, "connections", "show", email).output
    server.register(email)
    nothing = run(server, "connections", "show", email, "acme")
    assert nothing.exit_code == 1
    assert "has not connected acme" in nothing.output

"""Backups: made beside a running server, and whole again elsewhere."""

from __future__ import annotations

import stat
import tarfile

import pytest
from click.testing import CliRunner

from rallypoint.cli import main
from rallypoint.commands.pgtools import _split
from rallypoint.security.secrets import SECRET_FILE
from rallypoint.testing.server import ServerProcess, free_port
from support.columns import only_postgresql


def run(data_dir, *arguments, **env):
    return CliRunner().invoke(main, list(arguments), env={"RALLYPOINT_DATA_DIR": str(data_dir), **env})


@pytest.mark.slow
def test_what_a_running_server_holds_is_whole_again_elsewhere(tmp_path):
    archive, elsewhere = tmp_path / "backup.tar.gz", tmp_path / "elsewhere"
    with ServerProcess(tmp_path / "first") as server:
        token = server.register("kept@example.com")
        server.request("POST", "/api/v1/rooms", {"name": "Kept"}, token=token)
        made = run(server.data_dir, "backup", str(archive))
        assert made.exit_code == 0, made.output
        assert run(server.data_dir, "restore", str(archive), "--force").exit_code == 1  # it runs
        server.request("POST", "/api/v1/rooms", {"name": "Later"}, token=token)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert run(elsewhere, "restore", str(archive)).exit_code == 0
    with ServerProcess(elsewhere) as copy:
        status, reply = copy.request("GET", "/api/v1/rooms", token=token)  # the key came along
    assert (status, [room["name"] for room in reply["data"]]) == (200, ["Kept"])
    again = run(elsewhere, "restore", str(archive))
    assert (again.exit_code, "--force" in again.output) == (1, True)


def test_refusals_say_why(tmp_path):
    archive = tmp_path / "backup.tar.gz"
    assert "there is no database" in run(tmp_path, "backup", str(archive)).output
    archive.write_bytes(b"not an archive")
    (tmp_path / "rallypoint.db").touch()
    assert "exists already" in run(tmp_path, "backup", str(archive)).output
    assert "is not a backup" in run(tmp_path / "new", "restore", str(archive)).output
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(__file__, "rallypoint.db")
    assert "has no rallypoint.db" in run(tmp_path / "new", "restore", str(archive)).output
    assert not (tmp_path / "new" / SECRET_FILE).exists()


@pytest.mark.slow
@only_postgresql
def test_postgresql_is_whole_again_elsewhere(column, server_env, postgresql, tmp_path):
    env, archive = server_env(), tmp_path / "backup.tar.gz"
    with ServerProcess(tmp_path / "first", env) as server:
        token = server.register("kept@example.com")
        server.request("POST", "/api/v1/rooms", {"name": "Kept"}, token=token)
        made = run(server.data_dir, "backup", str(archive), **env)
        assert (made.exit_code, "RALLYPOINT_SECRET_KEY" in made.output) == (0, True), made.output
        refused = run(server.data_dir, "restore", str(archive), "--force", **env)
        assert (refused.exit_code, "is running" in refused.output) == (1, True)
        server.request("POST", "/api/v1/rooms", {"name": "Later"}, token=token)
    other = {**env, "RALLYPOINT_DATABASE_URL": postgresql.empty()}
    for target in (other, env):
        assert "--force" in run(tmp_path, "restore", str(archive), **env).output
        restored = run(tmp_path / "new", "restore", str(archive), *(["--force"] * (target is env)), **target)
        assert restored.exit_code == 0, restored.output
        with ServerProcess(tmp_path / "new", target) as copy:
            status, reply = copy.request("GET", "/api/v1/rooms", token=token)
        assert (status, [room["name"] for room in reply["data"]]) == (200, ["Kept"])


def test_a_password_is_on_no_command_line():
    url = "postgres://me:s%40fe@db.example.com:5433/rooms?sslmode=require"
    assert _split(url) == ("postgres://me@db.example.com:5433/rooms?sslmode=require", "s@fe")
    assert _split("postgres://localhost/rooms") == ("postgres://localhost/rooms", "")


def test_a_postgresql_that_is_away_is_named(tmp_path):
    archive = tmp_path / "a.tar.gz"
    port = free_port()
    away = {"RALLYPOINT_DATABASE_URL": f"postgres://me:secret@127.0.0.1:{port}/none"}
    for command in ("backup", "restore"):
        result = run(tmp_path, command, str(archive), **away)
        assert (result.exit_code, str(port) in result.output, "secret" in result.output) == (1, True, False)
        assert archive.exists() is (command == "restore")
        archive.touch()


def test_wrong_settings_are_named(tmp_path):
    result = CliRunner().invoke(main, ["backup", "x"], env={"RALLYPOINT_PORT": "many"})
    assert (result.exit_code, "RALLYPOINT_PORT" in result.output) == (1, True)

"""Backups of the embedded default: made beside a running server, and whole again elsewhere."""

from __future__ import annotations

import stat
import tarfile

import pytest
from click.testing import CliRunner

from rallypoint.cli import main
from rallypoint.security.secrets import SECRET_FILE
from rallypoint.testing.server import ServerProcess


def run(data_dir, *arguments):
    return CliRunner().invoke(main, list(arguments), env={"RALLYPOINT_DATA_DIR": str(data_dir)})


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


def test_postgresql_has_its_own_tools(tmp_path):
    env = {"RALLYPOINT_DATA_DIR": str(tmp_path), "RALLYPOINT_DATABASE_URL": "postgres://localhost/none"}
    result = CliRunner().invoke(main, ["backup", str(tmp_path / "a.tar.gz")], env=env)
    assert "pg_dump" in result.output


def test_wrong_settings_are_named(tmp_path):
    result = CliRunner().invoke(main, ["backup", "x"], env={"RALLYPOINT_PORT": "many"})
    assert (result.exit_code, "RALLYPOINT_PORT" in result.output) == (1, True)

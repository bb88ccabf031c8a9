"""The secret key and the lock on DATA_DIR."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rallypoint.security.secrets import (
    SECRET_FILE,
    DataDirInUseError,
    SecretKeyError,
    ensure_secret_key,
    lock_data_dir,
)
from rallypoint.settings import Settings


def settings(data_dir: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, **more)


def test_the_first_run_makes_a_private_key_and_later_ones_read_it(tmp_path: Path) -> None:
    first = ensure_secret_key(settings(tmp_path / "var"))
    second = ensure_secret_key(settings(tmp_path / "var"))

    key = first.secret_key.get_secret_value()
    assert len(key) >= 32
    assert second.secret_key == first.secret_key
    path = tmp_path / "var" / SECRET_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == [SECRET_FILE], "no draft is left"
    assert ensure_secret_key(settings(tmp_path / "other")).secret_key != first.secret_key


_MAKE = """
import pathlib, sys
from rallypoint.security.secrets import ensure_secret_key
from rallypoint.settings import Settings
settings = Settings(_env_file=None, data_dir=pathlib.Path(sys.argv[1]))
sys.stdin.readline()
print(ensure_secret_key(settings).secret_key.get_secret_value())
"""


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _MAKE, str(tmp_path)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    keys = {process.communicate(timeout=30)[0] for process in started}

    assert len(keys) == 1
    assert len(keys.pop().strip()) >= 32
    assert [each.name for each in tmp_path.iterdir()] == [SECRET_FILE]


def test_a_key_that_is_set_is_used_and_none_is_made(tmp_path: Path) -> None:
    given = settings(tmp_path, secret_key="k" * 32)

    assert ensure_secret_key(given) is given
    assert not (tmp_path / SECRET_FILE).exists()


def test_a_short_key_is_refused_whatever_the_database(tmp_path: Path) -> None:
    for url in ("", "postgres://127.0.0.1/x"):
        with pytest.raises(SecretKeyError, match=r"RALLYPOINT_SECRET_KEY has 31 characters.*openssl"):
            ensure_secret_key(settings(tmp_path, secret_key="k" * 31, database_url=url))


def test_postgresql_demands_a_key(tmp_path: Path) -> None:
    with pytest.raises(SecretKeyError, match="set RALLYPOINT_SECRET_KEY"):
        ensure_secret_key(settings(tmp_path, database_url="postgres://127.0.0.1/x"))
    assert not (tmp_path / SECRET_FILE).exists()


@pytest.mark.parametrize("content", [b"", b"short\n", "\u00e4\u00f6".encode()])
def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SECRET_FILE).write_bytes(content)

    with pytest.raises(SecretKeyError, match="secret_key has"):
        ensure_secret_key(settings(tmp_path))
    assert (tmp_path / SECRET_FILE).read_bytes() == content


def test_a_place_that_cannot_hold_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SecretKeyError, match=r"cannot be kept in .*file"):
        ensure_secret_key(settings(tmp_path / "file"))


_HOLD = """
import sys, pathlib
from rallypoint.security.secrets import lock_data_dir
lock = lock_data_dir(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_server_is_refused_until_the_first_is_gone_even_if_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataDirInUseError, match=f"process {holder.pid}"):
            lock_data_dir(tmp_path)
        holder.kill()
        holder.wait(10)

    with lock_data_dir(tmp_path):
        assert (tmp_path / "serve.lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_is_released_once(tmp_path: Path) -> None:
    lock = lock_data_dir(tmp_path / "new")
    with pytest.raises(DataDirInUseError):
        lock_data_dir(tmp_path / "new")
    lock.release()
    lock.release()
    with lock_data_dir(tmp_path / "new"):
        pass


async def test_the_lock_does_not_pass_to_child_processes(tmp_path: Path) -> None:
    lock = lock_data_dir(tmp_path)
    child = await asyncio.create_subprocess_exec("sleep", "30", close_fds=False)
    try:
        lock.release()
        lock_data_dir(tmp_path).release()
    finally:
        child.kill()
        await child.wait()

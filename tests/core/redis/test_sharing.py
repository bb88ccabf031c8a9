"""Redis is taken by those who ask for it alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from .conftest import NewProcess, until

_BUILD = """
import sys
from rallypoint.app import build
from rallypoint.settings import Settings
house = build(Settings(_env_file=None, secret_key="x" * 32, redis_url=sys.argv[1])).house
print(house.sharing is not None, "redis" in sys.modules, "rallypoint.redis" in sys.modules)
"""


def _build(folder: Path, url: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, url],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


def test_a_single_process_imports_nothing_of_it(tmp_path: Path) -> None:
    assert _build(tmp_path, "") == ["False"] * 3
    assert _build(tmp_path, "redis://127.0.0.1:1/0") == ["True"] * 3


async def test_metrics_tell_whether_redis_is_there(new_process: NewProcess) -> None:
    process, registry = await new_process(), CollectorRegistry()
    process.sharing.measure(registry)
    assert b"rallypoint_redis_up 1.0" in generate_latest(registry)
    process.link.failed(OSError("unplugged"))
    assert b"rallypoint_redis_up 0.0" in generate_latest(registry)
    await until(lambda: process.sharing.up)


async def test_a_process_starts_alone_when_redis_is_away(new_process: NewProcess) -> None:
    process = await new_process(redis_url="redis://127.0.0.1:1/0")
    assert not process.sharing.up
    ear = await process.enter("alice")
    process.channel.say("room:1", {"text": "hello?"})
    assert ear.events("said") == [{"text": "hello?"}]
    assert process.present() == {"user:alice"}

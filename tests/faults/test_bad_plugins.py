"""Every folder of ``plugins/`` is a plugin that does harm; ``expect.toml`` says what its status must then say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rallypoint.plugins.discovery import discover
from rallypoint.plugins.loader import Plugins
from rallypoint.testing.install import install_folder, install_plugin

KINDS = Path(__file__).parent / "plugins"
EXPECTED = {path.parent.name: tomllib.loads(path.read_text()) for path in KINDS.glob("*/expect.toml")}
AT_LOAD = sorted(k for k, expected in EXPECTED.items() if not expected.keys() & {"kills", "hook"})
AT_RUN = sorted(kind for kind, expected in EXPECTED.items() if "hook" in expected)
KILLERS = sorted(kind for kind, expected in EXPECTED.items() if "kills" in expected)


def install_with_a_neighbour(site: Path, kind: str) -> None:
    install_folder(site, KINDS / kind)
    install_plugin(site, "zz_neighbour")


def check(plugins: Plugins, kind: str) -> None:
    """The bad one says what is wrong with it, and everybody else works."""
    expected = EXPECTED[kind]
    by_name = {status.name: status for status in plugins.statuses}
    bad = by_name[kind]
    assert (bad.distribution, bad.version) == (f"rallypoint-{kind.replace('_', '-')}", "1.0")
    assert (bad.status, bad.stage) == (expected["status"], expected["stage"])
    assert re.search(expected["reason"], bad.reason), bad.reason
    assert expected["remedy"] in bad.remedy
    assert by_name["rooms"].status == by_name["zz_neighbour"].status == "active"


@pytest.mark.parametrize("kind", AT_LOAD)
def test_a_plugin_bad_at_load_is_left_out_whole(site, load_plugins, monkeypatch, kind: str) -> None:
    install_with_a_neighbour(site, kind)
    for name, value in EXPECTED[kind].get("environment", {}).items():
        monkeypatch.setenv(name, value)
    plugins = load_plugins(load_timeout=1.0)
    check(plugins, kind)
    assert kind not in {plugin.name for plugin in plugins.loaded}
    assert kind not in plugins.hooks.implementers("register_routes")
    assert "s3cret" not in str(plugins.statuses)


def test_what_a_plugin_registered_before_it_raised_does_not_stay(site, load_plugins) -> None:
    install_folder(site, KINDS / "raises_in_registration")
    again = "@hookimpl\ndef register_events(ctx):\n    return [EventType('half.done', 'Done')]\n"
    install_plugin(site, "second", "from rallypoint.sdk import EventType, hookimpl\n" + again)
    assert {status.name: status.status for status in load_plugins().statuses}["second"] == "active"


@pytest.mark.parametrize("kind", AT_RUN)
async def test_a_plugin_bad_at_run_time_leaves_the_others_alone(site, load_plugins, kind: str) -> None:
    install_with_a_neighbour(site, kind)
    # Booking's own hooks look into tables, and there are none here.
    plugins = load_plugins(disabled_plugins=("booking",), hook_timeout=0.2, hook_block_timeout=0.1)
    plugins.dispatch.watchdog.start()
    try:
        outcomes = await plugins.dispatch.call_all(EXPECTED[kind]["hook"])
    finally:
        plugins.dispatch.watchdog.stop()
    check(plugins, kind)
    assert [outcome.plugin for outcome in outcomes if outcome.error] == [kind]


def run_loader(site: Path, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """Load in a process of its own, as a server does, and print each plugin's status."""
    script = (
        "import sys; from pathlib import Path; from rallypoint.settings import Settings\n"
        "from rallypoint.testing.install import load_installed\n"
        "settings = Settings(_env_file=None, data_dir=Path(sys.argv[2]), secret_key='k' * 40, load_timeout=1.0)\n"
        "for s in load_installed(Path(sys.argv[1]), settings).statuses:\n"
        "    print(s.name, s.status, s.stage, s.reason, s.remedy, sep='|')"
    )
    env = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", script, str(site), str(data_dir)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def statuses(result: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    assert result.returncode == 0, result.stderr
    return {line.partition("|")[0]: line.split("|")[1:] for line in result.stdout.splitlines()}


@pytest.mark.parametrize("kind", KILLERS)
def test_a_plugin_that_kills_the_process_is_left_out_at_the_next_start(site, tmp_path, kind: str) -> None:
    install_with_a_neighbour(site, kind)
    data_dir = tmp_path / "var"
    assert run_loader(site, data_dir).returncode in {9, 70}
    second = statuses(run_loader(site, data_dir))
    expected: dict[str, Any] = EXPECTED[kind]
    assert second[kind][:3] == [expected["status"], expected["stage"], expected["reason"]]
    assert expected["remedy"] in second[kind][3]
    assert second["zz_neighbour"][0] == "active"


def test_a_killer_gets_another_chance_with_its_next_version(site, tmp_path) -> None:
    install_folder(site, KINDS / "kills_at_import")
    assert run_loader(site, tmp_path / "var").returncode == 9
    (info,) = site.glob("*.dist-info")
    metadata = (info / "METADATA").read_text()
    (info / "METADATA").write_text(metadata.replace("Version: 1.0", "Version: 1.1"))
    (site / "rallypoint_kills_at_import" / "__init__.py").write_text('"""Mended."""\n')
    assert statuses(run_loader(site, tmp_path / "var"))["kills_at_import"][0] == "active"


def test_every_kind_is_found_without_importing_it(site) -> None:
    for kind in EXPECTED:
        install_folder(site, KINDS / kind)
    found = {item.name for item in discover()}
    assert found >= EXPECTED.keys()
    assert not [name for name in sys.modules if name.removeprefix("rallypoint_") in EXPECTED]

"""From ``plugin new`` to a wheel that a stranger installs, sees active, and uninstalls without a trace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rallypoint.cli import main
from rallypoint.testing.server import ServerProcess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What ``rallypoint plugin new acme_notes`` writes."""
    folder = tmp_path_factory.mktemp("author")
    done = CliRunner().invoke(main, ["plugin", "new", "acme_notes", "--directory", str(folder)])
    assert done.exit_code == 0, done.output
    return folder / "rallypoint-acme-notes"


@pytest.fixture(scope="module")
def installed(written, tmp_path_factory):
    """A folder with the plugin's wheel installed in it, built as its author would."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(written))
    (wheel,) = wheels.glob("*.whl")
    pip("install", "--no-deps", "--target", str(target), str(wheel))
    return target


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def plugins_of(data_dir, path=""):
    done = subprocess.run(
        [sys.executable, "-m", "rallypoint", "plugin", "list", "--json"],
        env={**os.environ, "RALLYPOINT_DATA_DIR": str(data_dir), "PYTHONPATH": path},
        cwd=data_dir, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_its_own_tests_pass_as_they_stand(written, installed):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=written, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_readme_arrives_with_it(installed):
    (metadata,) = installed.glob("*.dist-info/METADATA")
    assert "`RALLYPOINT_ACME_NOTES_WEBHOOK_SECRET`" in metadata.read_text()


def test_it_is_active_once_installed_and_gone_once_uninstalled(installed, tmp_path):
    data_dir = tmp_path / "var"
    with ServerProcess(data_dir, {"PYTHONPATH": str(installed)}):
        acme = plugins_of(data_dir, str(installed))["acme_notes"]
    assert (acme["status"], acme["distribution"]) == ("active", "rallypoint-acme-notes")
    with ServerProcess(data_dir) as server:
        assert "acme_notes" not in plugins_of(data_dir)
        token = server.register("ada@example.com")
        assert server.request("GET", "/api/v1/acme_notes/items", token=token)[0] == 404


def test_what_is_written_suits_the_linters_of_the_house(written):
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    done = subprocess.run(
        [str(ruff), "check", "--isolated", "--select", "E,F,W,I,B,UP,SIM,C4,RUF,N", "--line-length", "110",
         "--config", "lint.isort.known-third-party = ['fake']", "."],
        cwd=written, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_folder_that_exists_and_a_bad_name_are_refused(written):
    for name, said in (("acme_notes", "exists already"), ("Acme", "no name"), ("../acme", "no name")):
        arguments = ["plugin", "new", name, "--directory", str(written.parent)]
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, said in done.output) == (1, True), done.output
    assert [path.name for path in written.parent.iterdir()] == [written.name]

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rallypoint.plugins.discovery import Discovered, discover
from rallypoint.testing.install import install_plugin


def found() -> dict[str, Discovered]:
    return {item.name: item for item in discover()}


def test_domains_of_the_core_come_first_and_their_manifest_lies_beside_them(site: Path) -> None:
    install_plugin(site, "aaa")
    items = list(found().values())
    assert items[0].is_core
    assert not items[-1].is_core
    rooms = found()["rooms"]
    assert rooms.manifest is not None
    assert rooms.title == "Rooms"


def test_nothing_is_imported(site: Path) -> None:
    install_plugin(site, "acme", "raise SystemExit")
    assert found()["acme"].manifest is not None
    assert "rallypoint_acme" not in sys.modules


def test_the_manifest_of_a_module_lies_in_its_package(site: Path) -> None:
    install_plugin(site, "deep", "raise SystemExit", files={"sub/plugin.py": "raise SystemExit"})
    folder = site / "rallypoint_deep"
    (folder / "plugin.toml").rename(folder / "sub" / "plugin.toml")
    (site / "rallypoint_deep-1.0.dist-info" / "entry_points.txt").write_text(
        "[rallypoint.plugins]\ndeep = rallypoint_deep.sub.plugin:Plugin\n"
    )
    assert found()["deep"].manifest is not None


def test_an_editable_installation_is_found(site: Path, tmp_path: Path) -> None:
    install_plugin(site, "acme")
    source = tmp_path / "source"
    source.mkdir()
    (site / "rallypoint_acme").rename(source / "rallypoint_acme")
    sys.path.append(str(source))  # what a .pth file of an editable installation does
    try:
        assert found()["acme"].manifest is not None
    finally:
        sys.path.remove(str(source))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("acme = rallypoint_nowhere", "'rallypoint_nowhere' is not an installed package"),
        ("acme = rallypoint_acme", "has no plugin.toml beside it"),
        ("acme = not a module", "names no module"),
        ("acme", "its entry points cannot be read"),
    ],
)
def test_what_cannot_be_located_says_why(site: Path, entry: str, problem: str) -> None:
    install_plugin(site, "acme", manifest="")
    info = site / "rallypoint_acme-1.0.dist-info"
    (info / "entry_points.txt").write_text(f"[rallypoint.plugins]\n{entry}\n")
    (item,) = [item for item in discover() if item.distribution == "rallypoint-acme"]
    assert item.manifest is None
    assert problem in item.problem


def test_a_manifest_with_another_name_is_refused(site: Path) -> None:
    install_plugin(site, "acme", manifest='name = "other"\ntitle = "Other"\n')
    assert found()["acme"].problem == "the manifest says 'other', the entry point 'acme'"


def test_the_second_of_a_name_is_refused_and_named_by_its_distribution(site: Path, load_plugins) -> None:
    install_plugin(site, "acme", distribution="aaa-first", package="first")
    install_plugin(site, "acme", distribution="bbb-second", package="second")
    statuses = {status.name: status for status in load_plugins().statuses}
    assert statuses["acme"].distribution == "aaa-first"
    second = statuses["acme@bbb-second"]
    assert (second.status, second.stage) == ("failed", "manifest")
    assert second.reason == "the name 'acme' is taken by the distribution aaa-first"

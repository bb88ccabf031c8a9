from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.plugins.manifest import MAX_BYTES, ManifestError, read_manifest

FULL = """
name = "acme"
title = "Acme"
summary = "Does it all"
requires_rallypoint = ">=0.1,<2"
table_prefix = "acm_"
tables = ["appointments"]
capabilities = ["rooms"]
docs = "https://example.com/acme"
hookspecs = "rallypoint_acme.hookspecs"
listens = ["room.*", "participant.joined"]
[[prefixes]]
path = "/acme/v1"
envelope = "plain"
[[commands]]
name = "acme-sync"
help = "Sync now"
target = "rallypoint_acme.cli:sync"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plugin.toml"
    path.write_text(text)
    return path


def test_a_full_manifest_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(written(tmp_path, FULL))
    assert (manifest.name, manifest.prefix_of_tables, manifest.hookspecs) == (
        "acme",
        "acm_",
        "rallypoint_acme.hookspecs",
    )
    assert manifest.has_table("acm_things")
    assert manifest.has_table("appointments")
    assert not manifest.has_table("acme_things")
    assert (manifest.prefixes[0].path, manifest.prefixes[0].envelope) == ("/acme/v1", "plain")
    assert manifest.commands[0].target == "rallypoint_acme.cli:sync"
    assert manifest.listens == ("room.*", "participant.joined")


def test_a_short_manifest_gets_its_tables_from_its_name(tmp_path: Path) -> None:
    manifest = read_manifest(written(tmp_path, 'name = "acme"\ntitle = "Acme"\n'))
    assert manifest.prefix_of_tables == "acme_"
    assert manifest.accepts("9.9")
    assert manifest.listens == ("*",)


@pytest.mark.parametrize(
    ("version", "fits"),
    [("0.1.0", True), ("1.9", True), ("2.0", False), ("0.0.9", False), ("0.2.dev1", True)],
)
def test_the_core_must_be_of_a_version_it_names(tmp_path: Path, version: str, fits: bool) -> None:
    assert read_manifest(written(tmp_path, FULL)).accepts(version) is fits


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "acme"\n', 'name = "Acme!"\n', "name: "),
        ('title = "Acme"', "", "title: Field required"),
        ('title = "Acme"', 'title = "A"\ncolour = "red"', "colour: Extra inputs"),
        ('">=0.1,<2"', '"about one"', "requires_rallypoint: Value error, Invalid specifier"),
        ('"/acme/v1"', '"/acme/<id>"', "prefixes.0.path: "),
        ('"/acme/v1"', '"/acme/../rooms"', "prefixes.0.path: "),
        ('"plain"', '"fancy"', "prefixes.0.envelope: "),
        ('"rallypoint_acme.cli:sync"', '"rm -rf"', "commands.0.target: "),
        ('"https://example.com/acme"', '"javascript:alert(1)"', "docs: "),
        ('"Does it all"', '"""two\nlines"""', "summary: "),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in FULL
    with pytest.raises(ManifestError) as caught:
        read_manifest(written(tmp_path, FULL.replace(old, new, 1)))
    assert problem in str(caught.value)


def test_a_missing_or_huge_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read: No such file"):
        read_manifest(tmp_path / "plugin.toml")
    with pytest.raises(ManifestError, match=f"is over {MAX_BYTES} bytes"):
        read_manifest(written(tmp_path, FULL + "#" * MAX_BYTES))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("manifest") / "plugin.toml"
    path.write_bytes(raw)
    with pytest.raises(ManifestError):
        read_manifest(path)

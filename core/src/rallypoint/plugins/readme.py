"""A plugin's README: beside its source while it is developed, in its distribution's metadata otherwise."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from rallypoint.plugins.discovery import Discovered


def readme_of(found: Discovered) -> str:
    """Return the text; empty when there is none.

    The source comes first, for the metadata of an editable install are as old as the install.
    """
    source = _project(found)
    if source is not None and (source / "README.md").is_file():
        return (source / "README.md").read_text(encoding="utf-8")
    try:
        described = metadata(found.distribution)
    except PackageNotFoundError:
        return ""
    return described.get("Description") or str(described.get_payload() or "")  # type: ignore[attr-defined]


def _project(found: Discovered) -> Path | None:
    """Return the folder with the plugin's ``pyproject.toml``, when it is imported from its source."""
    folder = package_folder(found)
    near = () if folder is None else list(folder.parents)[:2]
    return next((parent for parent in near if (parent / "pyproject.toml").is_file()), None)


def package_folder(found: Discovered) -> Path | None:
    """Return where the plugin's top-level package lies, without importing it."""
    top = found.target.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top) if top else None
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None

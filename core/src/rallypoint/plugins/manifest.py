"""``plugin.toml``: what a plugin says about itself before any of its code runs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

FILE_NAME = "plugin.toml"
MAX_BYTES = 65_536

Envelope = Literal["data", "success", "inbox", "plain", "watch", "page"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\n]*$")
]
Path_ = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9][A-Za-z0-9._~-]*)+$", max_length=200)]
Table = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
EventPattern = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z][a-z0-9_.]*(\.\*)?)$", max_length=100)]
Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", max_length=200)]
Target = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=200)
]


class ManifestError(Exception):
    """The manifest is missing or wrong; the message says where."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Prefix(_Strict):
    """Routes that a plugin claims.

    Args:
        path: From the root, whole segments, without variables.
        envelope: The shape of its replies and errors.
    """

    path: Path_
    envelope: Envelope = "data"


class Command(_Strict):
    """A command that a plugin adds to ``rallypoint``; imported when it is called.

    Args:
        name: As typed.
        help: One line.
        target: ``module:function``.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
    help: Line
    target: Target


class Manifest(_Strict):
    """A plugin's manifest.

    Args:
        name: Same as its entry point's; also the prefix of its settings.
        title: For people.
        summary: One line.
        requires_rallypoint: Versions of the core it works with (PEP 440 specifiers).
        prefixes: Where its routes lie.
        table_prefix: What its tables' names start with; the name and ``_`` when left out.
        tables: Names of those that do not start with it, because others know them by their names.
        capabilities: What it can do, for lists and filters.
        docs: Link to its documentation.
        commands: Added to the command line.
        hookspecs: Module of the hooks by which others extend it.
        listens: Names of the events that its ``on_event`` is told of; ``thing.*`` for all that begin so.
    """

    name: Name
    title: Line
    summary: Line = ""
    requires_rallypoint: Annotated[str, StringConstraints(max_length=100)] = ""
    prefixes: Annotated[tuple[Prefix, ...], Field(max_length=20)] = ()
    table_prefix: Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*)?$", max_length=40)] = ""
    tables: Annotated[tuple[Table, ...], Field(max_length=50)] = ()
    capabilities: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    docs: Annotated[str, StringConstraints(pattern=r"^(https?://|/)\S*$|^$", max_length=500)] = ""
    commands: Annotated[tuple[Command, ...], Field(max_length=20)] = ()
    hookspecs: Module | None = None
    listens: Annotated[tuple[EventPattern, ...], Field(max_length=100)] = ("*",)

    @field_validator("requires_rallypoint")
    @classmethod
    def _specifiers(cls, value: str) -> str:
        try:
            SpecifierSet(value)
        except InvalidSpecifier as error:
            raise ValueError(str(error)) from None
        return value

    @property
    def prefix_of_tables(self) -> str:
        """What its tables' names start with, but for those named."""
        return self.table_prefix or f"{self.name}_"

    def has_table(self, name: str) -> bool:
        """Tell whether a table of this name may be its own."""
        return name in self.tables or name.startswith(self.prefix_of_tables)

    def accepts(self, version: str) -> bool:
        """Tell whether the plugin says that it works with this version of the core."""
        return SpecifierSet(self.requires_rallypoint).contains(Version(version), prereleases=True)


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Args:
        path: The file.

    Raises:
        ManifestError: It is missing, too large, no TOML, or one of its fields is wrong.
    """
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise ManifestError(f"{path} is over {MAX_BYTES} bytes")
        return Manifest.model_validate(tomllib.loads(raw.decode()))
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        raise ManifestError(f"{path}: {_fields(error)}") from error


def _fields(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())

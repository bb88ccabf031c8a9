"""``rallypoint backup`` and ``restore``: the database and the key in one archive."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from rallypoint.commands import pgtools
from rallypoint.security.secrets import SECRET_FILE, lock_data_dir
from rallypoint.settings import Settings
from rallypoint.storage.database import Database

SQLITE_MEMBER = "rallypoint.db"
POSTGRESQL_MEMBER = "rallypoint.dump"


class BackupError(Exception):
    """The backup cannot be made or restored; the message says why."""


def backup(settings: Settings, archive: Path) -> bool:
    """Write the database as of now and the key file into ``archive`` (.tar.gz), beside a running server.

    Args:
        settings: Of the server.
        archive: A new file, readable by its owner alone, for it may hold the key.

    Returns:
        Whether the key is in it; one that is given as a setting is not.

    Raises:
        BackupError: Nothing to back up, the archive exists, or PostgreSQL's tools say no.
    """
    database = Database.from_settings(settings)
    if database.is_sqlite and not database.path.exists():
        raise BackupError(f"there is no database at {database.path}")
    try:
        handle = archive.open("xb")
    except FileExistsError:
        raise BackupError(f"{archive} exists already") from None
    archive.chmod(0o600)
    try:
        with handle, TemporaryDirectory(dir=archive.parent) as folder:
            copy = _copy(database, Path(folder))
            return _pack(handle, copy, settings.data_dir / SECRET_FILE)
    except pgtools.ToolError as error:
        archive.unlink()
        raise BackupError(str(error)) from error


def restore(settings: Settings, archive: Path, *, force: bool = False) -> None:
    """Put a backup in place of the database and the key file; no server may be running.

    Args:
        settings: Of the server; its kind of database must be that of the backup.
        archive: Made by :func:`backup`.
        force: Replace a database that exists.

    Raises:
        BackupError: A server runs, a database exists, or the archive is not one of ours.
    """
    database = Database.from_settings(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with lock_data_dir(settings.data_dir), TemporaryDirectory(dir=settings.data_dir) as folder:
        _check_free(database, force=force)
        copy = _unpack(archive, Path(folder), SQLITE_MEMBER if database.is_sqlite else POSTGRESQL_MEMBER)
        _put(database, copy)
        key = Path(folder) / SECRET_FILE
        if key.exists():
            key.replace(settings.data_dir / SECRET_FILE)


def _copy(database: Database, folder: Path) -> Path:
    if not database.is_sqlite:
        pgtools.dump(database.url, folder / POSTGRESQL_MEMBER)
        return folder / POSTGRESQL_MEMBER
    with (
        closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(folder / SQLITE_MEMBER)) as target,
    ):
        live.backup(target)
    return folder / SQLITE_MEMBER


def _pack(handle: IO[bytes], copy: Path, key: Path) -> bool:
    with tarfile.open(fileobj=handle, mode="w:gz") as tar:
        tar.add(copy, copy.name)
        if key.exists():
            tar.add(key, SECRET_FILE)
    return key.exists()


def _check_free(database: Database, *, force: bool) -> None:
    if database.is_sqlite:
        if database.path.exists() and not force:
            raise BackupError(f"{database.path} exists; --force replaces it")
        return
    try:
        tables, servers = pgtools.state(database.url)
    except pgtools.ToolError as error:
        raise BackupError(str(error)) from error
    if servers:
        raise BackupError(f"a server is running on this database ({servers} connections); stop it first")
    if tables and not force:
        raise BackupError(f"the database has {tables} tables; --force replaces everything in it")


def _put(database: Database, copy: Path) -> None:
    if database.is_sqlite:
        with copy.open("rb") as file:
            genuine = file.read(16) == b"SQLite format 3\x00"
        if not genuine:
            raise BackupError(f"the archive has no {SQLITE_MEMBER}")
        for leftover in ("-wal", "-shm"):
            database.path.with_name(database.path.name + leftover).unlink(missing_ok=True)
        copy.replace(database.path)
        return
    try:
        pgtools.load(database.url, copy)
    except pgtools.ToolError as error:
        raise BackupError(str(error)) from error


def _unpack(archive: Path, folder: Path, wanted: str) -> Path:
    """Write the archive's two members, each readable by its owner alone, and nothing else that it may hold."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.name in (wanted, SECRET_FILE) else None
                if content is not None:
                    target = folder / member.name
                    target.touch(mode=0o600)
                    with content, target.open("wb") as out:
                        shutil.copyfileobj(content, out)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BackupError(f"{archive} is not a backup: {error}") from error
    if not (folder / wanted).exists():
        raise BackupError(f"{archive} has no {wanted}: it is no backup of this kind of database")
    return folder / wanted

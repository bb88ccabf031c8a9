"""``rallypoint backup`` and ``restore``: the embedded default's database and key in one archive."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from rallypoint.security.secrets import SECRET_FILE, lock_data_dir
from rallypoint.settings import Settings
from rallypoint.storage.database import Database

DATABASE_MEMBER = "rallypoint.db"


class BackupError(Exception):
    """The backup cannot be made or restored; the message says why."""


def backup(settings: Settings, archive: Path) -> None:
    """Write the database as of now and the key file into ``archive`` (.tar.gz), beside a running server.

    Args:
        settings: Of the server; its database must be SQLite.
        archive: A new file, readable by its owner alone, for it holds the key.

    Raises:
        BackupError: Not SQLite, nothing to back up, or the archive exists.
    """
    source = _database_path(settings)
    if not source.exists():
        raise BackupError(f"there is no database at {source}")
    try:
        handle = archive.open("xb")
    except FileExistsError:
        raise BackupError(f"{archive} exists already") from None
    archive.chmod(0o600)
    with handle, TemporaryDirectory(dir=archive.parent) as folder:
        copy = Path(folder) / DATABASE_MEMBER
        _copy_database(source, copy)
        with tarfile.open(fileobj=handle, mode="w:gz") as tar:
            tar.add(copy, DATABASE_MEMBER)
            key = settings.data_dir / SECRET_FILE
            if key.exists():
                tar.add(key, SECRET_FILE)


def restore(settings: Settings, archive: Path, *, force: bool = False) -> None:
    """Put a backup in place of the database and the key file; the server must not be running.

    Args:
        settings: Of the server; its database must be SQLite.
        archive: Made by :func:`backup`.
        force: Replace a database that exists.

    Raises:
        BackupError: The server runs, a database exists, or the archive is not one of ours.
    """
    target = _database_path(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with lock_data_dir(settings.data_dir):
        if target.exists() and not force:
            raise BackupError(f"{target} exists; --force replaces it")
        database, key = _members(archive)
        for leftover in ("-wal", "-shm"):
            target.with_name(target.name + leftover).unlink(missing_ok=True)
        _write_private(target, database)
        if key is not None:
            _write_private(settings.data_dir / SECRET_FILE, key)


def _database_path(settings: Settings) -> Path:
    database = Database.from_settings(settings)
    if not database.is_sqlite:
        raise BackupError("this is for the embedded default; back PostgreSQL up with pg_dump")
    return database.path


def _copy_database(source: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(copy)) as target,
    ):
        live.backup(target)


def _members(archive: Path) -> tuple[bytes, bytes | None]:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            contents = {
                member.name: tar.extractfile(member) for member in tar.getmembers() if member.isfile()
            }
            read = {
                name: file.read() for name, file in contents.items() if isinstance(file, io.BufferedReader)
            }
    except (tarfile.TarError, OSError) as error:
        raise BackupError(f"{archive} is not a backup: {error}") from error
    database = read.get(DATABASE_MEMBER, b"")
    if not database.startswith(b"SQLite format 3\x00"):
        raise BackupError(f"{archive} has no {DATABASE_MEMBER}")
    return database, read.get(SECRET_FILE)


def _write_private(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)

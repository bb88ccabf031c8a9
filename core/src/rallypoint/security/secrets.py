"""What a server needs before it may start: its secret key, and ``DATA_DIR`` to itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path
from types import TracebackType

from pydantic import SecretStr

from rallypoint.settings import Settings

MIN_SECRET_KEY = 32
SECRET_FILE = "secret_key"  # noqa: S105 - its name, not its content
LOCK_FILE = "serve.lock"


class SecretsError(Exception):
    """The server cannot start like this; the message says what to do."""


class SecretKeyError(SecretsError):
    """There is no usable secret key."""


class DataDirInUseError(SecretsError):
    """Another server works in this ``DATA_DIR``."""


def ensure_secret_key(settings: Settings) -> Settings:
    """Return settings that have a secret key; with SQLite one is made on first run and kept in ``DATA_DIR``.

    Raises:
        SecretKeyError: The key is missing where it must be set, or too short.
    """
    if given := settings.secret_key.get_secret_value():
        _check(given, "RALLYPOINT_SECRET_KEY")
        return settings
    if not settings.embedded:
        raise SecretKeyError(
            "With PostgreSQL every process needs the same key: set RALLYPOINT_SECRET_KEY to a random string"
            f" of {MIN_SECRET_KEY} characters or more, such as the output of `openssl rand -hex 32`"
        )
    return settings.model_copy(update={"secret_key": SecretStr(_kept_key(settings.data_dir))})


def _check(key: str, where: str) -> None:
    if len(key) < MIN_SECRET_KEY:
        raise SecretKeyError(
            f"{where} has {len(key)} characters; it must have {MIN_SECRET_KEY} or more,"
            " such as the output of `openssl rand -hex 32`"
        )


def _kept_key(data_dir: Path) -> str:
    path = data_dir / SECRET_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_text("ascii", errors="replace").strip()
    except OSError as error:
        raise SecretKeyError(f"The secret key cannot be kept in {path}: {error.strerror}") from error
    _check(key, str(path))
    return key


def _make_key(path: Path) -> None:
    """Write a new key so that no reader ever sees half of it and none that exists is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(48)}\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was quicker: its key counts
            os.link(draft, path)
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class DataDirLock:
    """Holds a ``DATA_DIR`` until :meth:`release`, the end of a ``with`` block, or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def release(self) -> None:
        """Let others in; safe to call twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __enter__(self) -> DataDirLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_data_dir(path: Path) -> DataDirLock:
    """Take ``path`` for this process; the folder is made when it is missing.

    The lock is the kernel's (``flock``), so that it never outlives a process that was killed.

    Raises:
        DataDirInUseError: Another process has it; the message names it.
    """
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(handle)
        raise DataDirInUseError(
            f"{path} is used by another server (process {holder}): stop it, or set RALLYPOINT_DATA_DIR"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return DataDirLock(handle)

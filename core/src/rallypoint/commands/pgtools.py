"""PostgreSQL's own tools, run with the server's credentials; the password goes through the environment."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit


class ToolError(Exception):
    """A tool is missing or failed; the message is its own."""


def dump(url: str, path: Path) -> None:
    """Write the database as of now into ``path``, in ``pg_dump``'s custom format.

    Raises:
        ToolError: ``pg_dump`` is missing or failed.
    """
    _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")


def load(url: str, path: Path) -> None:
    """Put what :func:`dump` wrote in place of everything in the database, all or nothing.

    Raises:
        ToolError: ``pg_restore`` or ``psql`` is missing or failed; nothing was changed.
    """
    script = path.with_suffix(".sql")
    _run("", "pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(path))
    _run(
        url,
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--output=/dev/null",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--command=SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public",
        f"--file={script}",
    )


def state(url: str) -> tuple[int, int]:
    """Return how many tables the database has, and how many connections of servers.

    Raises:
        ToolError: It cannot be reached.
    """
    return asyncio.run(_state(url))


async def _state(url: str) -> tuple[int, int]:
    import asyncpg

    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise ToolError(f"PostgreSQL cannot be reached: {error}") from error
    try:
        tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        servers = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'rallypoint%'"
        )
    finally:
        await connection.close()
    return tables, servers


def _run(url: str, tool: str, *arguments: str) -> None:
    program = shutil.which(tool)
    if program is None:
        raise ToolError(f"{tool} is not installed; it comes with PostgreSQL's client programs")
    bare, password = _split(url)
    env = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    where = [f"--dbname={bare}"] if url else []
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, without a shell
        [program, *where, *arguments],
        check=False,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ToolError(f"{tool}: {done.stderr.strip()[-2000:]}")


def _split(url: str) -> tuple[str, str]:
    """Return the URL without its password, which every user of the machine could read, and the password."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    return parts._replace(netloc=f"{name}{at}{place}").geturl(), unquote(password)

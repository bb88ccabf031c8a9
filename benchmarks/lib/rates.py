"""HTTP load from the other core: ``wrk`` where it is installed, else our own generator."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence

from lib.process import LOAD_CORE, python, run_pinned

CONNECTIONS = 32


def rate_of_get(port: int, path: str, *, seconds: float, headers: Sequence[str] = ()) -> float:
    """Return how many GET requests a second a server answers.

    Raises:
        RuntimeError: Some answer was not a success.
    """
    if shutil.which("wrk") is None:
        return rate_of(port, [f"GET {path}"], seconds=seconds, headers=headers)
    flags = [part for header in headers for part in ("-H", header)]
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds:.0f}s",
        *flags,
        f"http://127.0.0.1:{port}{path}",
    ]
    output = run_pinned(LOAD_CORE, command, seconds=seconds + 20)
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise RuntimeError(output)
    return float(found[1])


def rate_of(
    port: int,
    requests: Sequence[str],
    *,
    seconds: float,
    headers: Sequence[str] = (),
    count: int = 10**9,
    connections: int = CONNECTIONS,
) -> float:
    """Return how many requests a second a server answers, of a list that is sent in turn.

    Args:
        port: On loopback.
        requests: ``METHOD PATH`` each; those that are not GET have the body ``{}``.
        seconds: When to stop at the latest.
        headers: Of every request.
        count: How many to send at most.
        connections: How many at once.

    Raises:
        RuntimeError: Some answer was not a success.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(requests))
        file.flush()
        flags = [f"--header={header}" for header in headers]
        command = python("-m", "lib.http_load", str(port), file.name, *flags, f"--connections={connections}")
        output = run_pinned(
            LOAD_CORE, [*command, f"--seconds={seconds}", f"--requests={count}"], seconds=seconds + 20
        )
    result = json.loads(output)
    if result["errors"] or not result["requests"]:
        raise RuntimeError(f"the server refused requests: {output}")
    return float(result["requests"] / result["seconds"])

"""Holds a running server to its own OpenAPI document."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from rallypoint.web.middleware import AsgiApp


@asynccontextmanager
async def serving(app: AsgiApp, port: int = 0) -> AsyncIterator[str]:
    """Serve ``app`` with uvicorn on a loopback port, a free one when none is given, and yield its URL."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, lifespan="off", log_config=None, access_log=False, http="httptools"
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())  # serve() would take the test runner's signal handlers
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


async def schemathesis(
    url: str,
    folder: Path,
    *,
    token: str,
    examples: int = 10,
    options: Sequence[str] = (),
    timeout: float = 240,
) -> str:
    """Run every check of schemathesis on the server at ``url`` and return its report.

    Args:
        url: Of the server; its document is read from ``/openapi.json``.
        folder: For files that schemathesis writes.
        token: Sent as ``Authorization: Bearer``.
        examples: For each operation and phase.
        options: Further arguments of its command line.
        timeout: Seconds for the whole run.

    Raises:
        AssertionError: It found a 5xx, an undocumented reply, or any other fault; carries the report.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", "--checks", "all"),
        *("--header", f"Authorization: Bearer {token}", "--max-examples", str(examples)),
        *("--seed", "1", "--no-color", "--request-timeout", "10", "--suppress-health-check", "all", *options),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    finally:
        if process.returncode is None:
            process.kill()
    report = output.decode(errors="replace")
    assert process.returncode == 0, report
    return report

"""A headless Chromium for the tests of pages; without one a test skips, in CI it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.node import need_node, need_packages, without

DRIVER = Path(__file__).parents[1] / "browser" / "driver.mjs"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def need_chromium() -> str:
    """Return the path of a Chromium, or skip the test (fail it in CI)."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        without("Chromium is needed to look at the pages")
    return str(found)


class BrowserError(AssertionError):
    """The browser could not do what it was told."""


class Browser:
    """A Chromium; one page at a time, in a profile of its own for every :meth:`open`. Usable as a context manager."""

    def __init__(self) -> None:
        command = [need_node(), str(DRIVER), str(need_packages()), need_chromium()]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def do(self, command: str, **arguments: Any) -> Any:
        """Have the driver do something; its commands are in ``driver.mjs``.

        Raises:
            BrowserError: It did not work.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the browser is gone"}')
        if "error" in answer:
            raise BrowserError(f"{command} {arguments}: {answer['error']}")
        return answer["ok"]

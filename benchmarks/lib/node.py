"""The parts in Node.js: the packages beside this folder, installed by npm when they are not there."""

from __future__ import annotations

import json
import shutil
import subprocess

from lib.process import ROOT

INSTALL_SECONDS = 300


def missing() -> str | None:
    """Return why the parts in Node.js cannot run, or None; installs their packages when that is all."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "Node.js and npm are not installed"
    if _installed():
        return None
    done = subprocess.run(
        ["npm", "ci", "--silent"],
        cwd=ROOT,
        timeout=INSTALL_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    return f"npm ci failed: {done.stderr.strip()[-300:]}" if done.returncode else None


def _installed() -> bool:
    """Tell whether every package is there; a folder from before one was added is not enough."""
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    return all((ROOT / "node_modules" / name).is_dir() for name in wanted)

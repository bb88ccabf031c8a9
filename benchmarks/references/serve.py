"""Serve a reference like ``rallypoint serve`` does: ``python -m references.serve MODULE PORT``."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

import uvicorn
from lib.server import UVICORN


class Server(uvicorn.Server):
    """Uvicorn with the same collector settings as ours, which are half of the difference for sockets."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)


if __name__ == "__main__":
    module, port = sys.argv[1:3]
    app = import_module(f"references.{module}").app
    Server(uvicorn.Config(app, host="127.0.0.1", port=int(port), **UVICORN)).run()  # type: ignore[arg-type]

"""A receiver of webhooks that keeps what came, in order."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Answers 200 on every path of a free loopback port, or as ``statuses`` says; a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.came: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        self.headers: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.statuses: dict[str, int] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._lock:
                    receiver.came[self.path].append((self.headers["webhook-id"], json.loads(body)))
                    named = {name.lower(): value for name, value in self.headers.items()}
                    receiver.headers[self.path].append(named)
                self.send_response(receiver.statuses.get(self.path, 200))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def events(self, path: str) -> list[tuple[str, dict[str, Any]]]:
        """Return what came to a path: ``webhook-id`` and body each."""
        with self._lock:
            return list(self.came[path])

    def wait(self, path: str, holds: Any, seconds: float) -> list[tuple[str, dict[str, Any]]]:
        """Wait until ``holds(events)``, or time is up, and return what came."""
        deadline = time.monotonic() + seconds
        while not holds(self.events(path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.events(path)

"""Load on a cluster whose every acknowledged change is remembered, so that it can be missed afterwards."""

from __future__ import annotations

import itertools
import threading
import time
import urllib.error
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any

from rallypoint.testing.server import ServerProcess

_AWAY = (urllib.error.URLError, HTTPException, ConnectionError, TimeoutError)


class Renaming(threading.Thread):
    """Gives one room one name after the other until stopped, going to the next server when one is away.

    Args:
        servers: Of the cluster.
        token: Whose room it is.
        room_id: The room.
        pause: Seconds between two changes.
    """

    def __init__(
        self, servers: Sequence[ServerProcess], token: str, room_id: str, pause: float = 0.05
    ) -> None:
        super().__init__(daemon=True)
        self._servers = itertools.cycle(servers)
        self._token, self._path, self._pause = token, f"/api/v1/rooms/{room_id}", pause
        self._stopped = threading.Event()
        self.acknowledged: list[str] = []
        self.refused: list[tuple[int, Any]] = []
        self.away = 0

    def run(self) -> None:
        for number in itertools.count():
            if self._stopped.is_set():
                return
            self._rename(str(number))
            time.sleep(self._pause)

    def finish(self) -> list[str]:
        """Stop, and return the names that were acknowledged, in order."""
        self._stopped.set()
        self.join(60)
        assert not self.is_alive()
        return self.acknowledged

    def _rename(self, name: str) -> None:
        """Send the change until somebody acknowledges it; an unknown outcome is repeated, which changes nothing."""
        while True:
            try:
                status, reply = next(self._servers).request(
                    "PATCH", self._path, {"name": name}, token=self._token
                )
            except _AWAY:
                self.away += 1
                time.sleep(0.05)
            else:
                if status == 200:
                    self.acknowledged.append(name)
                    return
                self.refused.append((status, reply))
                time.sleep(0.1)
            if self._stopped.is_set():
                return


def check_delivered(names: Sequence[str], came: Sequence[tuple[str, dict[str, Any]]]) -> int:
    """Check that every acknowledged change was delivered, in order, and return how many came twice.

    Raises:
        AssertionError: One is missing, overtook another, or came again under another id.
    """
    renamed = [(id_, body["data"]["room"]["name"]) for id_, body in came if body["event"] == "room.updated"]
    first_seen: dict[str, str] = {}
    for id_, name in renamed:
        assert first_seen.setdefault(name, id_) == id_, f"{name} came under two ids"
    missing = [name for name in names if name not in first_seen]
    assert not missing, f"{len(missing)} of {len(names)} are missing: {missing[:5]}"
    order = [int(name) for name in first_seen]
    assert order == sorted(order), "a change overtook another"
    return len(renamed) - len(first_seen)

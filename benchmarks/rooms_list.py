"""The list of 20 rooms, limiter and authentication on, against a hand-written Quart + aiosqlite handler."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from pathlib import Path

from lib.process import Program, python
from lib.rates import rate_of_get
from lib.report import Line, arguments, show
from lib.server import serving

from rallypoint.testing.server import ServerProcess, free_port

PATH = "/api/v1/rooms"
ROOMS = 20


def seed(server: ServerProcess, token: str) -> None:
    """Make the rooms, as different from each other as rooms are."""
    for number in range(ROOMS):
        body = {
            "name": f"Morning focus {number}",
            "description": "Early morning productivity, quiet and steady",
            "room_type": ("video", "silent", "audio-only")[number % 3],
            "max_participants": 5 + number,
            "tags": ["morning", "productivity", f"group-{number % 4}"],
            "scheduled_start": f"2099-11-08T08:{number:02d}:00Z",
            "scheduled_end": f"2099-11-08T10:{number:02d}:00Z",
        }
        status, reply = server.request("POST", PATH, body, token=token)
        if status != 201:
            raise RuntimeError(f"creating a room answered {status}: {reply}")


def fetch(url: str, token: str = "") -> object:
    """Return a reply, parsed."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url + PATH, headers=headers), timeout=10) as reply:
        return json.load(reply)


def main() -> None:
    options = arguments(__doc__, runs=7, seconds=2.0)
    line = Line(f"GET {PATH}, {ROOMS} rooms", "requests/s", bar=0.8)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        token = server.register("owner@example.com")
        seed(server, token)
        handler = python("-m", "references.serve", "quart_rooms", "{port}")
        with Program(handler, free_port(), env={"ROOMS_DB": f"{folder}/rallypoint.db"}) as reference:
            if fetch(server.url, token) != fetch(reference.url):
                raise RuntimeError("the two replies differ")
            for _ in range(options.runs):
                headers = [f"Authorization: Bearer {token}"]
                ours = rate_of_get(server.port, PATH, seconds=options.seconds, headers=headers)
                line.add(ours, rate_of_get(reference.port, PATH, seconds=options.seconds))
    show("List of rooms", [line])


if __name__ == "__main__":
    main()

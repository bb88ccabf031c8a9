"""A disk that is full under SQLite: a clear answer, and what was acknowledged stays."""

from __future__ import annotations

from rallypoint.testing.server import ServerProcess

PAGES = 400  # of 4 KiB: the tables take about half of them


def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    path = tmp_path / "data" / "rallypoint.db"
    secret = {"RALLYPOINT_SECRET_KEY": "k" * 40, "RALLYPOINT_RATE_LIMITS": "off"}
    full = {"RALLYPOINT_DATABASE_URL": f"sqlite://{path}?max_page_count={PAGES}"}
    kept = []
    with ServerProcess(tmp_path / "data", {**secret, **full}) as server:
        token = server.register("full@example.com")
        for number in range(1000):
            body = {"name": f"room {number}", "description": "x" * 4000, "is_public": False}
            status, reply = server.request("POST", "/api/v1/rooms", body, token=token)
            if status != 201:
                break
            kept.append(reply["data"]["id"])
        assert (status, reply["error"]["code"]) == (503, "UNAVAILABLE"), reply
        assert "full" in server.log.read_text()
        assert server.request("GET", f"/api/v1/rooms/{kept[-1]}", token=token)[0] == 200
        server.kill()
    with ServerProcess(tmp_path / "data", secret) as server:
        status, reply = server.request("GET", "/api/v1/rooms?is_public=false", token=token)
        assert (status, [room["id"] for room in reply["data"]]) == (200, kept[::-1])
        assert server.request("POST", "/api/v1/rooms", {"name": "room again"}, token=token)[0] == 201

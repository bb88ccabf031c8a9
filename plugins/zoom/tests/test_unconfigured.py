"""A server without Zoom's settings: its documented paths say what is missing, in the shape that clients expect."""

from __future__ import annotations

from pathlib import Path

from rallypoint.testing.server import ServerProcess


def test_every_path_answers_that_zoom_is_not_configured(tmp_path: Path) -> None:
    message = "Zoom is not configured on this server"
    with ServerProcess(tmp_path) as server:
        assert server.request("POST", "/api/create-zoom-meeting", {}) == (503, {"error": message})
        status, reply = server.request("POST", "/webhooks/zoom", {"event": "meeting.started"})
    assert (status, reply["success"]) == (503, False)
    assert (reply["error"]["code"], reply["error"]["message"]) == ("UNAVAILABLE", message)

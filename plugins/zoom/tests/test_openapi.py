"""The plugin's route held to what it says of itself: no 5xx but documented ones, no undocumented reply."""

from __future__ import annotations

from pathlib import Path

import pytest

from rallypoint_zoom.fake import ZoomFake
from support import columns
from support.conformance import schemathesis

from .conftest import Caller

OURS = ("--include-path-regex", "^/(api/create-zoom-meeting|webhooks/zoom)")
# Rules of state (a host whom Zoom does not know, an appointment that is not there) cannot be written in a schema.
RULES_OF_STATE = ("--exclude-checks", "positive_data_acceptance,not_a_server_error")


@pytest.mark.slow
@columns.only_sqlite
async def test_every_reply_is_documented(tmp_path: Path, alice: Caller, fake: ZoomFake) -> None:
    report = await schemathesis(
        alice.server.url, tmp_path, token=alice.token, examples=8, options=(*OURS, *RULES_OF_STATE)
    )
    assert "passed" in report

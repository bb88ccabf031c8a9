"""The plugin's routes held to what they say of themselves: no 5xx but documented ones, no undocumented reply."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugins.google.tests.conftest import User

from support import columns
from support.conformance import schemathesis

OURS = ("--include-path-regex", "^/(integrations/google|api/(google|gmail|create-google-meet))")
# Rules across fields and of state (not connected yet, somebody else's host) cannot be written in a schema.
RULES_OF_STATE = ("--exclude-checks", "positive_data_acceptance")


@pytest.mark.slow
@columns.only_sqlite
async def test_every_reply_is_documented(tmp_path: Path, connected: User) -> None:
    await connected.connect_gmail()
    report = await schemathesis(
        connected.world.url, tmp_path, token=connected.token, examples=8, options=(*OURS, *RULES_OF_STATE)
    )
    assert "passed" in report

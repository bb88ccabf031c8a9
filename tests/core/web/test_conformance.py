from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.conformance import schemathesis, serving

from .conftest import House


@pytest.mark.slow
async def test_no_request_gets_a_5xx_or_an_undocumented_reply(house: House, tmp_path: Path) -> None:
    async with serving(house.web.asgi) as url:
        report = await schemathesis(url, tmp_path, token="operator-token", examples=8)
    assert "Tested: 25" in report

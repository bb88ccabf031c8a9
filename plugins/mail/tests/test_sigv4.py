"""AWS's own vectors, and botocore's signatures of the very request that the plugin makes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rallypoint_mail.sigv4 import Credential, signed_headers

CASES = json.loads((Path(__file__).parent / "documents" / "sigv4.json").read_text())["cases"]
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_request_is_signed_as_aws_signs_it(case: dict[str, Any]) -> None:
    headers = signed_headers(
        Credential("AKIDEXAMPLE", SECRET, case.get("token", "")),
        method=case["method"],
        url=case.get("url") or f"https://example.amazonaws.com{case['path']}",
        body=case["body"].encode(),
        headers=case["headers"],
        region=case.get("region", "us-east-1"),
        service=case.get("service", "service"),
        at=AT,
    )
    assert headers["authorization"] == case["authorization"]
    assert headers["x-amz-date"] == "20150830T123600Z"
    assert headers.get("x-amz-security-token", "") == case.get("token", "")


def test_a_credential_shows_no_secret() -> None:
    assert SECRET not in repr(Credential("AKIDEXAMPLE", SECRET, "token"))

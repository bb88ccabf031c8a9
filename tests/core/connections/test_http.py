"""The provider HTTP client against a real server that misbehaves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.connections.conftest import KEY, AcmeFake

from rallypoint.connections import http as http_client
from rallypoint.connections.breaker import Breaker
from rallypoint.connections.http import HttpOptions, ProviderHttp, Request
from rallypoint.connections.replies import reason_code, retry_after
from rallypoint.errors import NeedsReauth, PermanentFailure, RetryLater
from support.logged import logged


def get(acme: AcmeFake, path: str = "/me", **more: Any) -> Request:
    return Request("GET", f"{acme.url}/v1", path, {"X-API-KEY": KEY}, **more)


async def test_a_call_carries_credential_query_and_agent(http: ProviderHttp, acme: AcmeFake) -> None:
    assert (await http.call(get(acme, params={"a": "b c&d"}))).json == {"name": "Alice"}
    request = acme.requests[0]
    assert request.query == {"a": "b c&d"}
    assert request.headers["X-API-KEY"] == KEY
    assert request.headers["User-Agent"].startswith("rallypoint/")


async def test_a_body_is_json(http: ProviderHttp, acme: AcmeFake) -> None:
    request = Request("POST", f"{acme.url}/v1", "/items", body={"a": "ü"})
    assert (await http.call(request)).json == {"a": "ü"}
    assert acme.requests[0].headers["Content-Type"] == "application/json"


async def test_an_empty_reply_is_none(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(204)
    assert (await http.call(get(acme))).json is None


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 500}, {"cut": True}, {"status": 200, "body": "<html>"}]
)
async def test_what_may_be_repeated_is(http: ProviderHttp, acme: AcmeFake, fault: dict[str, Any]) -> None:
    acme.fail(**fault, times=2)
    assert (await http.call(get(acme))).json == {"name": "Alice"}


async def test_a_post_is_sent_once(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(503, times=2)
    with pytest.raises(RetryLater):
        await http.call(Request("POST", acme.url, "/v1/items", body={}))
    assert len(acme.requests) == 1


async def test_it_gives_up_after_the_retries(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(502, times=10)
    with pytest.raises(RetryLater, match="502"):
        await http.call(get(acme))
    assert len(acme.requests) == 3


async def test_a_provider_that_hangs_is_left(acme: AcmeFake) -> None:
    acme.fail(delay=60, times=3)
    hasty = ProviderHttp(HttpOptions(timeout=0.2))
    await hasty.open()
    try:
        async with asyncio.timeout(30):
            with pytest.raises(RetryLater, match="did not answer"):
                await hasty.call(Request("POST", acme.url, "/v1/items", body={}))
    finally:
        await hasty.close()


async def test_401_is_a_dead_credential(http: ProviderHttp, acme: AcmeFake) -> None:
    with pytest.raises(NeedsReauth):
        await http.call(Request("GET", f"{acme.url}/v1", "/me", {"X-API-KEY": "wrong"}))
    assert len(acme.requests) == 1


async def test_other_refusals_are_final(http: ProviderHttp, acme: AcmeFake) -> None:
    with pytest.raises(PermanentFailure, match="404"):
        await http.call(get(acme, "/nothing"))
    assert len(acme.requests) == 1


async def test_a_short_retry_after_is_waited_out(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(429, headers={"Retry-After": "0"})
    assert (await http.call(get(acme))).json == {"name": "Alice"}


async def test_a_long_retry_after_holds_back_its_quota_alone(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(429, headers={"Retry-After": "40"})
    with pytest.raises(RetryLater) as first:
        await http.call(get(acme, quota="alice"))
    assert first.value.after == 40
    with pytest.raises(RetryLater) as second:
        await http.call(get(acme, quota="alice"))
    assert 39 < (second.value.after or 0) <= 40
    assert len(acme.requests) == 1
    assert (await http.call(get(acme, quota="bob"))).json == {"name": "Alice"}


async def test_a_reply_over_the_limit_is_refused(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(200, body='"' + "x" * 2000 + '"')
    with pytest.raises(PermanentFailure, match="1000 bytes"):
        await http.call(get(acme))


async def test_redirects_stay_on_the_host(http: ProviderHttp, acme: AcmeFake) -> None:
    assert (await http.call(get(acme, "/to", params={"url": "/v1/me"}))).json == {"name": "Alice"}
    for elsewhere in ("http://127.0.0.2:1/", "//elsewhere.example/", "https://127.0.0.1/", "mailto:a"):
        with pytest.raises(PermanentFailure, match="redirects elsewhere"):
            await http.call(get(acme, "/to", params={"url": elsewhere}))


async def test_a_redirect_that_goes_round_ends(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(302, headers={"Location": "/v1/me"}, times=10)
    with pytest.raises(PermanentFailure, match="too often"):
        await http.call(get(acme))


@pytest.mark.parametrize("path", ["me", "@evil.example/", "/../admin", "/a/./b"])
async def test_a_path_cannot_leave_the_base_url(http: ProviderHttp, acme: AcmeFake, path: str) -> None:
    with pytest.raises(PermanentFailure, match="base URL"):
        await http.call(get(acme, path))
    assert acme.requests == []


async def test_a_provider_that_is_away_is_not_asked_again_and_again(
    http: ProviderHttp, acme: AcmeFake
) -> None:
    acme.fail(503, times=100)
    for _ in range(3):
        with pytest.raises(RetryLater):
            await http.call(get(acme))
    assert len(acme.requests) == 5
    with pytest.raises(RetryLater, match="away") as error:
        await http.call(get(acme))
    assert 25 < (error.value.after or 0) <= 30


async def test_a_credential_is_in_no_message(http: ProviderHttp, acme: AcmeFake) -> None:
    request = get(acme, params={"token": "secret-token"})
    acme.fail(cut=True, times=10)
    with pytest.raises(RetryLater) as error:
        await http.call(request)
    assert "secret-token" not in f"{error.value} {request!r}"
    assert KEY not in f"{error.value} {request!r}"


async def test_a_closed_client_says_so(acme: AcmeFake) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await ProviderHttp().call(get(acme))


def test_the_breaker_lets_one_probe_through_for_each_cooldown() -> None:
    now = 0.0
    breaker = Breaker(threshold=2, cooldown=10, clock=lambda: now)
    breaker.failed()
    assert breaker.wait() == 0
    breaker.failed()
    assert breaker.wait() == 10
    now = 10.0
    assert breaker.wait() == 0
    assert breaker.wait() == 10
    breaker.succeeded()
    assert breaker.wait() == 0


def test_retry_after_reads_dates() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (retry_after(soon) or 0) <= 60
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("9" * 30) == 3600


@given(st.text())
def test_retry_after_takes_anything(text: str) -> None:
    wait = retry_after(text)
    assert wait is None or 0 <= wait <= 3600


async def test_amazon_s_word_for_a_refusal_is_in_a_header(http: ProviderHttp, acme: AcmeFake) -> None:
    header = {"x-amzn-ErrorType": "SendingPausedException:http://internal.amazon.com/coral/"}
    acme.fail(400, body='{"message": "paused"}', headers=header)
    with pytest.raises(PermanentFailure) as refused:
        await http.call(get(acme))
    assert refused.value.reason_code == "SendingPausedException"


async def test_a_reply_has_status_headers_and_body(http: ProviderHttp, acme: AcmeFake) -> None:
    acme.fail(201, headers={"ETag": '"7"', "X-Total": "3"}, body='{"a": 1}')
    reply = await http.call(get(acme))
    assert (reply.status, reply.json) == (201, {"a": 1})
    assert (reply.headers["etag"], reply.headers["x-total"]) == ('"7"', "3")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('{"error": "invalid_grant", "error_description": "no"}', "invalid_grant"),
        ('{"error": {"code": 409, "errors": [{"reason": "duplicate"}], "status": "X"}}', "duplicate"),
        ('{"error": {"code": 403, "status": "PERMISSION_DENIED", "errors": []}}', "PERMISSION_DENIED"),
        ('{"error": {"code": "ErrorItemNotFound", "message": "no"}}', "ErrorItemNotFound"),
        ('{"code": 3001, "message": "Meeting does not exist"}', "3001"),
        ('{"error": {"errors": "x"}}', ""),
        ('{"error": true, "code": true}', ""),
        ("[]", ""),
        ("<html>", ""),
        ("", ""),
    ],
)
async def test_a_refusal_says_what_the_provider_said(
    http: ProviderHttp, acme: AcmeFake, body: str, code: str
) -> None:
    acme.fail(409, body=body)
    with pytest.raises(PermanentFailure) as error:
        await http.call(get(acme))
    assert (error.value.status, error.value.reason_code) == (409, code)
    assert "description" not in str(error.value)


async def test_bytes_are_sent_as_they_are(http: ProviderHttp, acme: AcmeFake) -> None:
    request = Request(
        "POST", f"{acme.url}/v1", "/items", data=b'{"a":  1}', content_type="application/json; x=y"
    )
    assert (await http.call(request)).json == {"a": 1}
    assert acme.requests[0].body == b'{"a":  1}'
    assert acme.requests[0].headers["Content-Type"] == "application/json; x=y"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["error", "errors", "code", "reason", "status"]), inner)
        ),
    )
)
def test_any_refusal_can_be_read(payload: Any) -> None:
    assert len(reason_code(payload)) <= 100


async def test_the_log_names_nobody(http: ProviderHttp, acme: AcmeFake) -> None:
    with logged(http_client) as logs, pytest.raises(PermanentFailure):
        await http.call(get(acme, "/calendars/alice@example.com/bob%40example.com?token=s3cret"))
    text = str(logs)
    assert "/calendars/…/…" in text
    assert "example.com" not in text
    assert "s3cret" not in text

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.logs import HIDDEN, access_logger, configure_logging, redact
from rallypoint.settings import Settings

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    "secret",
    [
        "rp_live_0123456789abcdef",
        "test_sk_0123456789abcdef",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/=",
        JWT,
        "Bearer opaque-token",
        "Authorization: Basic dXNlcjpwYXNzd29yZA==",
        "https://user:hunter2@db.example/x",
        "https://x.example/cb?code=4%2F0Ab&state=1",
        "/ws?token=abc.def",
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret: str) -> None:
    hidden = redact({"note": f"before {secret} after", "deep": [{"list": (secret,)}]})
    for telling in (
        "0123456789",
        "MfKQ9r8",
        "eyJzdWIi",
        "opaque",
        "dXNlcjpw",
        "hunter2",
        "4%2F0Ab",
        "abc.def",
    ):
        assert telling not in json.dumps(hidden)
    assert hidden["note"].startswith("before ")
    assert HIDDEN in hidden["note"]


def test_what_has_a_telling_name_is_hidden() -> None:
    given_ = {
        "Authorization": "x",
        "access_token": "x",
        "client_secret": 7,
        "Password": ["x"],
        "api_key": {"a": "x"},
        "Set-Cookie": "x",
        "token": None,
        "has_token": True,
    }
    assert redact(given_) == {**dict.fromkeys(given_, HIDDEN), "token": None, "has_token": True}


def test_what_is_no_secret_stays() -> None:
    fine = {"room": "Monday & Co: a/b?c", "count": 3, "at": 1.5, "ok": None, "id": "01a1fb97-dd03-778f"}
    assert redact(fine) == fine
    assert redact(b"bytes") == "<5 bytes>"


def test_what_nests_without_end_is_cut() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "…" in str(redact(endless))


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_redacting_twice_changes_nothing_more(value: Any) -> None:
    once = redact(value)
    assert redact(once) == once


def lines(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_lines_are_json_with_the_request_and_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(_env_file=None, log_format="json"))
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("rallypoint.x").info("got Bearer abcdef", token="s3cret", room=1)
    (line,) = lines(capsys)
    assert (line["event"], line["token"], line["room"]) == (f"got Bearer {HIDDEN}", HIDDEN, 1)
    assert (line["request_id"], line["level"], line["logger"]) == ("r-1", "info", "rallypoint.x")
    assert line["timestamp"].endswith("Z")


def test_the_standard_library_goes_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(_env_file=None, log_format="json", log_level="warning"))
    logging.getLogger("uvicorn.error").info("too quiet")
    try:
        raise ValueError("the key rp_live_abcdefgh is wrong")
    except ValueError:
        logging.getLogger("uvicorn.error").exception(
            "failed for %s", "whsec_abcdefgh", extra={"password": "x", "color_message": "y"}
        )
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["password"]) == (
        f"failed for {HIDDEN}",
        "uvicorn.error",
        HIDDEN,
    )
    assert "ValueError" in line["exception"]
    assert "color_message" not in line
    assert "abcdefgh" not in json.dumps(line)


def test_for_people_lines_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings(_env_file=None))
    structlog.get_logger("rallypoint.x").warning("careful", secret="x")
    logging.getLogger("tortoise").info("SELECT 1")
    text = capsys.readouterr().err
    assert "careful" in text
    assert HIDDEN in text
    assert text.count("\n") == 1


def test_access_lines_can_be_off() -> None:
    assert access_logger(Settings(_env_file=None, access_log=False)) is None
    assert access_logger(Settings(_env_file=None, log_level="warning")) is None

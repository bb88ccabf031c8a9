"""The operator's variables, and their names in booking.md."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rallypoint_google.settings import GoogleSettings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for prefix in ("RALLYPOINT_GOOGLE", "GOOGLE_API"):
        for name in ("CLIENT_ID", "CLIENT_SECRET"):
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)


def read() -> GoogleSettings:
    return GoogleSettings(_env_file=None, _env_prefix="RALLYPOINT_GOOGLE_")


def test_the_documented_names_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_CLIENT_ID", "documented")
    monkeypatch.setenv("GOOGLE_API_CLIENT_SECRET", "hidden")
    settings = read()
    assert (settings.client_id, settings.client_secret.get_secret_value()) == ("documented", "hidden")
    assert "hidden" not in repr(settings)
    monkeypatch.setenv("RALLYPOINT_GOOGLE_CLIENT_ID", "our own")
    assert read().client_id == "our own"


@pytest.mark.parametrize(
    ("name", "value"),
    [("API_URL", "googleapis.com"), ("POLL_SECONDS", "0"), ("PAGE_SIZE", "2501"), ("PUSH", "perhaps")],
)
def test_wrong_values_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("GOOGLE_API_CLIENT_ID", "x")
    monkeypatch.setenv("GOOGLE_API_CLIENT_SECRET", "x")
    monkeypatch.setenv(f"RALLYPOINT_GOOGLE_{name}", value)
    with pytest.raises(ValidationError):
        read()


def test_without_a_registration_it_says_so() -> None:
    with pytest.raises(ValidationError, match="RALLYPOINT_GOOGLE_CLIENT_ID"):
        read()

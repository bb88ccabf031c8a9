"""Variables under our names and under those that are usual elsewhere."""

from __future__ import annotations

import os

import pytest

from rallypoint.plugins.collect import BadSettings, read_settings
from rallypoint_mail.sender import address_of, host_of, name_of, sender_of
from rallypoint_mail.settings import MailSettings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Leave out whatever this machine has set."""
    for name in os.environ:
        if name.startswith(("RALLYPOINT_", "AWS_", "SENDGRID", "MAILGUN", "EMAIL_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(str(tmp_path))


def settings(monkeypatch: pytest.MonkeyPatch, **env: str) -> MailSettings:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    read = read_settings("mail", MailSettings)
    assert isinstance(read, MailSettings)
    return read


def test_nothing_has_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch)
    assert (read.service, read.smtp_host) == ("smtp", "localhost")


@pytest.mark.parametrize(
    "env",
    [
        {"EMAIL_SERVICE": "SendGrid", "SENDGRID_API_KEY": "k"},
        {"RALLYPOINT_MAIL_SERVICE": "sendgrid", "RALLYPOINT_MAIL_SENDGRID_API_KEY": "k"},
        {"EMAIL_SERVICE": "smtp", "RALLYPOINT_MAIL_SERVICE": "sendgrid", "SENDGRID_API_KEY": "k"},
    ],
)
def test_the_documented_names_and_ours(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    read = settings(monkeypatch, **env)
    assert (read.service, read.sendgrid_api_key.get_secret_value()) == ("sendgrid", "k")


def test_amazon_s_usual_names(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1"}
    read = settings(monkeypatch, EMAIL_SERVICE="ses", **env)
    assert (read.ses_access_key_id, read.ses_region) == ("id", "eu-central-1")
    assert "secret" not in repr(read).replace("secret_access_key", "")


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"EMAIL_SERVICE": "sendgrid"}, "sendgrid needs RALLYPOINT_MAIL_SENDGRID_API_KEY"),
        (
            {"EMAIL_SERVICE": "mailgun", "MAILGUN_API_KEY": "k"},
            "mailgun needs RALLYPOINT_MAIL_MAILGUN_DOMAIN",
        ),
        (
            {"EMAIL_SERVICE": "ses"},
            "ses needs RALLYPOINT_MAIL_SES_ACCESS_KEY_ID and RALLYPOINT_MAIL_SES_SECRET",
        ),
        ({"EMAIL_SERVICE": "pigeon"}, "RALLYPOINT_MAIL_SERVICE: Input should be 'smtp'"),
        ({"RALLYPOINT_MAIL_FROM": "nobody"}, "RALLYPOINT_MAIL_FROM: Value error, must be an address"),
        ({"RALLYPOINT_MAIL_FROM": "a@b.c\nBcc: d@e.f"}, "RALLYPOINT_MAIL_FROM"),
        ({"RALLYPOINT_MAIL_MAILGUN_DOMAIN": "x/../y"}, "RALLYPOINT_MAIL_MAILGUN_DOMAIN"),
        ({"RALLYPOINT_MAIL_SMTP_PORT": "70000"}, "RALLYPOINT_MAIL_SMTP_PORT"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], said: str
) -> None:
    with pytest.raises(BadSettings) as bad:
        settings(monkeypatch, **env)
    assert said in str(bad.value)


def test_who_messages_are_from(monkeypatch: pytest.MonkeyPatch) -> None:
    read = settings(monkeypatch)
    assert sender_of(read, "https://book.example.org") == "appointments@book.example.org"
    assert sender_of(read, "http://127.0.0.1:8080") == "appointments@localhost"
    own = settings(monkeypatch, RALLYPOINT_MAIL_FROM="Desk <desk@example.org>")
    sender = sender_of(own, "https://book.example.org")
    assert (address_of(sender), name_of(sender)) == ("desk@example.org", "Desk")
    assert host_of("http://[::1]:8080") == "localhost"

"""Commands about people, on an empty database and beside a running server."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from rallypoint.testing.server import ServerProcess


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with ServerProcess(tmp_path_factory.mktemp("people"), {"RALLYPOINT_RATE_LIMITS": "off"}) as server:
        yield server


def login(server, email, password):
    return server.request("POST", "/api/session", {"user": {"email": email, "password": password}})[0]


def test_an_operator_is_one_beside_the_running_server(rallypoint, running):
    token = running.register("ada@example.com")
    assert running.request("GET", "/api/plugins", token=token)[0] == 403
    done = rallypoint("operator", "add", "Ada@Example.com", data_dir=running.data_dir)
    assert (done.exit_code, done.output) == (0, "Ada@Example.com is an operator now.\n")
    deadline = time.monotonic() + 8  # other processes see it within five seconds
    while running.request("GET", "/api/plugins", token=token)[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_new_password_ends_sessions_and_lets_the_user_in(rallypoint, running):
    running.register("bob@example.com", "forgotten, alas")
    typed = "new and long\n" * 2
    done = rallypoint("user", "reset-password", "bob@example.com", data_dir=running.data_dir, input=typed)
    assert done.exit_code == 0, done.output
    assert login(running, "bob@example.com", "forgotten, alas") == 401
    assert login(running, "bob@example.com", "new and long") == 200


@pytest.mark.parametrize(
    "arguments", [("operator", "add"), ("user", "reset-password", "--password", "long enough")]
)
def test_nobody_is_made_up(rallypoint, arguments):
    done = rallypoint(*arguments, "nobody@example.com")
    assert (done.exit_code, "nobody has registered as nobody@example.com" in done.output) == (1, True)


def test_a_short_password_is_refused(rallypoint):
    done = rallypoint("user", "reset-password", "a@example.com", "--password", "short")
    assert (done.exit_code, "characters" in done.output) == (1, True)


def test_a_key_that_is_too_short_is_named(rallypoint):
    done = rallypoint("operator", "add", "a@example.com", RALLYPOINT_SECRET_KEY="short")
    assert (done.exit_code, "RALLYPOINT_SECRET_KEY" in done.output) == (1, True)


def test_a_database_of_a_newer_version_is_left_alone(rallypoint, tmp_path):
    rallypoint("operator", "add", "nobody@example.com")
    with closing(sqlite3.connect(tmp_path / "var" / "rallypoint.db")) as database, database:
        database.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('identity', '9999_future', '2030-01-01')"
        )
    done = rallypoint("operator", "add", "nobody@example.com")
    assert (done.exit_code, "9999_future" in done.output) == (1, True)


def test_a_database_that_is_away_is_one_clear_line(rallypoint):
    env = {"RALLYPOINT_SECRET_KEY": "k" * 40, "RALLYPOINT_DATABASE_URL": "postgres://127.0.0.1:9/none"}
    done = rallypoint("operator", "add", "a@example.com", **env)
    assert done.exit_code == 1
    assert done.output.startswith("Error: PostgreSQL at 127.0.0.1:9/none cannot be used")

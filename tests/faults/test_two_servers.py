"""What SQLite's single writer would keep right by itself, on two servers that share a PostgreSQL database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rallypoint.storage.ids import new_id
from rallypoint.testing.server import ServerProcess
from support.columns import PostgreSQL, variables

pytestmark = pytest.mark.slow
Answer = tuple[int, Any]
EMAIL, PASSWORD = "{}@example.com", "correct horse battery"


class Pair:
    """Two servers that are asked in turn, many times at once."""

    def __init__(self, servers: list[ServerProcess], threads: ThreadPoolExecutor) -> None:
        self.servers = servers
        self._threads = threads

    def at_once(self, count: int, ask: Callable[[ServerProcess, int], Answer]) -> list[Answer]:
        return list(self._threads.map(lambda n: ask(self.servers[n % 2], n), range(count)))

    def register(self) -> str:
        return self.servers[0].register(EMAIL.format(new_id()))


@pytest.fixture(scope="module")
def pair(postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    env = {**variables(postgresql.fresh()), "RALLYPOINT_RATE_LIMITS": "off"}
    folder = tmp_path_factory.mktemp("pair")
    with (
        ServerProcess(folder / "a", env) as one,
        ServerProcess(folder / "b", env) as two,
        ThreadPoolExecutor(20) as threads,
    ):
        yield Pair([one, two], threads)


def test_a_full_room_is_full_whoever_asks(pair: Pair):
    owner = pair.register()
    body = {"name": "Small", "max_participants": 5}
    room = pair.servers[0].request("POST", "/api/v1/rooms", body, token=owner)[1]["data"]["id"]
    path = f"/api/v1/rooms/{room}"
    tokens = [pair.register() for _ in range(20)]
    answers = pair.at_once(20, lambda server, n: server.request("POST", f"{path}/join", {}, token=tokens[n]))
    assert Counter(status for status, _ in answers) == {201: 5, 403: 15}
    status, reply = pair.servers[1].request("GET", path, token=owner)
    assert (status, reply["data"]["current_participants"]) == (200, 5)
    ended = pair.at_once(6, lambda server, _: server.request("POST", f"{path}/end", token=owner))
    assert {status for status, _ in ended} == {200}


def test_one_external_session_is_one_room(pair: Pair):
    token = pair.register()
    body = {"name": "Linked", "external_service_name": "acme", "external_service_id": "7"}
    answers = pair.at_once(20, lambda server, _: server.request("POST", "/api/v1/rooms", body, token=token))
    assert Counter(status for status, _ in answers) == {201: 1, 200: 19}
    assert len({reply["data"]["id"] for _, reply in answers}) == 1


def test_one_idempotency_key_makes_one_room(pair: Pair):
    token, headers = pair.register(), {"Idempotency-Key": new_id()}
    answers = pair.at_once(
        20,
        lambda server, _: server.request(
            "POST", "/api/v1/rooms", {"name": "Once"}, token=token, headers=headers
        ),
    )
    assert {status for status, _ in answers} <= {201, 409}
    assert len({reply["data"]["id"] for status, reply in answers if status == 201}) == 1
    assert {reply["error"]["code"] for status, reply in answers if status == 409} <= {"IN_PROGRESS"}


def test_one_account_has_one_twin(pair: Pair):
    token = pair.register()
    body = {"label": "sandbox", "sandbox": True}
    answers = pair.at_once(
        20, lambda server, _: server.request("POST", "/api/personal_api_keys", body, token=token)
    )
    assert {status for status, _ in answers} == {201}
    assert len({reply["data"]["account_id"] for _, reply in answers}) == 1


def test_a_user_has_no_more_keys_than_one_may(pair: Pair):
    token = pair.register()
    body = {"label": "live"}
    answers = pair.at_once(
        120, lambda server, _: server.request("POST", "/api/personal_api_keys", body, token=token)
    )
    assert Counter(status for status, _ in answers) == {201: 100, 409: 20}


def test_a_renew_token_holds_once(pair: Pair):
    user = {"user": {"email": EMAIL.format(new_id()), "password": PASSWORD, "company_name": "Renewers"}}
    renew = pair.servers[0].request("POST", "/api/registration", user)[1]["renew_token"]
    answers = pair.at_once(20, lambda server, _: server.request("POST", "/api/session/renew", token=renew))
    assert Counter(status for status, _ in answers) == {200: 1, 401: 19}

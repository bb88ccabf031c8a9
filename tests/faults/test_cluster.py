"""Servers and workers on PostgreSQL and Redis: what is acknowledged survives whatever is killed or restarted."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial

import pytest

from rallypoint.testing.cluster import Cluster
from support.load import Renaming, check_delivered
from support.postgres_server import PostgresServer
from support.receiver import Receiver
from support.redis_server import RedisServer

pytestmark = pytest.mark.slow
KILLS = 10
ENV = {
    "RALLYPOINT_ALLOW_PRIVATE_TARGETS": "on",
    "RALLYPOINT_RATE_LIMITS": "off",
    "RALLYPOINT_WEBHOOK_RETRY_BASE": "0.5",
    "RALLYPOINT_WEBHOOK_RETRIES": "10",
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    running = PostgresServer()
    running.start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, postgres) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    redis = RedisServer(folder)
    redis.start()
    try:
        with Cluster(folder, postgres.url, redis.url, env=ENV) as running:
            yield running
    finally:
        redis.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def token(cluster) -> str:
    return cluster.servers[0].register("cluster@example.com")


def rooms_under_load(cluster, receiver, token, count=3):
    loads = []
    for number in range(count):
        body = {"name": "start", "webhook_url": f"{receiver.url}/{number}"}
        status, reply = cluster.servers[0].request("POST", "/api/v1/rooms", body, token=token)
        assert status == 201, reply
        loads.append(Renaming(cluster.servers, token, reply["data"]["id"]))
    for load in loads:
        load.start()
    return loads


def has_come(name, events):
    return any(body["data"]["room"]["name"] == name for _, body in events)


def check(loads, receiver, seconds=90.0):
    names = [load.finish() for load in loads]
    duplicates = 0
    for number, acknowledged in enumerate(names):
        assert len(acknowledged) > 10
        came = receiver.wait(f"/{number}", partial(has_come, acknowledged[-1]), seconds)
        duplicates += check_delivered(acknowledged, came)
    return duplicates


def test_a_change_anywhere_is_delivered_by_a_worker(cluster, receiver, token):
    loads = rooms_under_load(cluster, receiver, token)
    time.sleep(2)
    assert check(loads, receiver) == 0
    assert [load.refused for load in loads] == [[], [], []]


def test_kills_of_any_process_under_load_lose_nothing(cluster, receiver, token):
    rng = random.Random(2)
    loads = rooms_under_load(cluster, receiver, token)
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.2, 1.0))
        victim = rng.choice(cluster.processes)
        victim.kill()
        time.sleep(rng.uniform(0.0, 0.5))
        victim.start()
    check(loads, receiver)
    assert all(load.refused == [] for load in loads)


def test_a_restart_of_every_process_in_turn_fails_no_request_that_is_sent_again(cluster, receiver, token):
    loads = rooms_under_load(cluster, receiver, token)
    for process in cluster.processes:
        process.stop()
        process.start()
    assert check(loads, receiver) == 0
    assert all(load.refused == [] for load in loads)


def test_a_crash_of_postgresql_under_load_loses_nothing(cluster, postgres, receiver, token):
    loads = rooms_under_load(cluster, receiver, token)
    time.sleep(1)
    postgres.stop()
    time.sleep(1)
    postgres.start()
    time.sleep(3)
    check(loads, receiver)
    assert {status for load in loads for status, _ in load.refused} <= {503}

"""The transport is away, slow, wrong or back; the process is frozen or another one has the queue."""

from __future__ import annotations

import asyncio

import pytest

from core.domains.mailer.conftest import LIVE, Post
from rallypoint.app import App
from rallypoint.domains.mailer import attempt
from rallypoint.domains.mailer.api import Handover, OutgoingMail, TransportAway
from rallypoint.domains.mailer.service import DRAIN
from rallypoint.errors import BadConfig, RetryLater
from rallypoint.storage import clock
from rallypoint.storage.leases import Leases
from support.logged import logged


async def test_while_the_transport_is_away_one_message_asks_and_all_go_when_it_is_back(post: Post) -> None:
    post.domain.settings = post.domain.settings.model_copy(update={"concurrency": 4})
    post.answer = lambda _mail: TransportAway("connection refused")
    for number in range(30):
        await post.put(f"m{number}")
    await post.run()
    first = len(post.tries)
    assert first <= 8  # those that were under way at once
    await post.run()
    assert len(post.tries) == first, "nobody asks before the pause is over"
    await post.hurry()
    await post.run()
    assert len(post.tries) == first + 1

    assert (await post.domain.health()).state == "degraded"
    post.answer = lambda _mail: Handover()
    await post.hurry()
    await post.run()
    assert sorted(post.subjects) == sorted(f"m{number}" for number in range(30))
    assert (await post.domain.health()).state == "ok"


async def test_an_outage_uses_up_no_message_s_patience(post: Post) -> None:
    post.answer = lambda _mail: TransportAway("connection refused")
    await post.put("hello")
    for _ in range(3):
        await post.run()
        await post.hurry()
    assert (await post.rows())[0]["attempts"] == 0


@pytest.mark.parametrize(
    "error", [BadConfig("RALLYPOINT_ACME_KEY is refused"), TimeoutError(), TransportAway("x", after=3)]
)
async def test_what_holds_up_one_message_in_the_same_way_as_all_waits(post: Post, error: Exception) -> None:
    post.answer = lambda _mail: error
    await post.put("hello")
    await post.run()
    assert await post.states() == {"hello": "queued"}
    assert post.domain.drain.pause.probing


async def test_a_transport_with_a_bug_is_tried_again_and_logged_without_addresses(post: Post) -> None:
    post.answer = lambda _mail: KeyError("ada@example.com")
    await post.put("hello")
    with logged(attempt) as logs:
        await post.run()
    assert await post.states() == {"hello": "queued"}
    assert "KeyError" in str(logs)
    assert "ada@example.com" not in str(logs)
    assert "hello" not in str(logs)


async def test_a_transport_that_hangs_is_left(app: App) -> None:
    post = Post(app, timeout=0.05)

    async def hang(_mail: OutgoingMail) -> Handover:
        await asyncio.sleep(60)
        return Handover()

    transport = post.domain.transports[0]
    post.domain.transports = [type(transport)(transport.name, transport.sender, hang)]
    await post.put("hello")
    await post.run()
    assert (await post.rows())[0]["error"] == "the transport took too long"


async def test_after_three_days_a_message_is_given_up_and_its_lane_goes_on(post: Post) -> None:
    post.answer = lambda _mail: TransportAway("connection refused")
    old = await post.put("old", "lane")
    await post.put("new", "lane")
    assert (await post.rows())[0]["expires_at"] - clock.now() == pytest.approx(3 * 86_400_000, abs=60_000)
    await post.run()
    async with post.house.database.transaction() as tx:
        await tx.execute("UPDATE mailer_messages SET expires_at = 1 WHERE id = ?", old)
    await post.domain.drain.sweep()
    assert await post.states() == {"old": "failed", "new": "queued"}
    post.answer = lambda _mail: Handover()
    await post.hurry()
    await post.run()
    assert await post.states() == {"old": "failed", "new": "sent"}


async def test_a_message_found_too_old_is_not_tried(post: Post) -> None:
    await post.put("old")
    async with post.house.database.transaction() as tx:
        await tx.execute("UPDATE mailer_messages SET expires_at = 1 WHERE account_id = ?", post.account)
    await post.run()
    assert post.tries == []
    assert await post.states() == {"old": "failed"}


async def test_without_a_transport_messages_wait_and_the_health_says_so(post: Post) -> None:
    post.domain.transports = []
    assert (await post.domain.health()).state == "ok", "nobody wants to send anything"
    await post.put("hello")
    await post.run()
    health = await post.domain.health()
    assert (health.state, post.tries) == ("degraded", [])
    assert "no plugin sends mail" in health.reason


async def test_the_operator_names_the_transport(app: App) -> None:
    post = Post(app, transport="other")
    await post.put("hello")
    await post.run()
    assert post.sent == []
    assert "RALLYPOINT_MAILER_TRANSPORT" in (await post.domain.health()).reason


async def test_two_processes_send_nothing_twice(post: Post, app: App) -> None:
    other = Post(app)
    other.domain.drain._leases = Leases(post.house.database)
    started = asyncio.Event()

    async def slow(mail: OutgoingMail) -> Handover:
        started.set()
        await asyncio.sleep(0.05)
        return await post._send(mail)

    transport = post.domain.transports[0]
    post.domain.transports = [type(transport)(transport.name, transport.sender, slow)]
    for number in range(20):
        await post.put(f"m{number}")
    running = asyncio.create_task(post.run())
    await started.wait()
    await other.run()
    await running
    assert other.tries == []
    assert len(post.tries) == len(set(post.tries)) == 20


async def test_a_process_that_was_frozen_past_its_lease_writes_nothing(post: Post) -> None:
    await post.put("hello")
    thief = Leases(post.house.database)

    async def steal(_mail: OutgoingMail) -> Handover:
        async with post.house.database.transaction() as tx:
            await tx.execute("UPDATE leases SET expires_at = 0 WHERE name = ?", DRAIN)
        assert await thief.acquire(DRAIN, 60)
        return Handover()

    transport = post.domain.transports[0]
    post.domain.transports = [type(transport)(transport.name, transport.sender, steal)]
    await post.run()
    assert await post.states() == {"hello": "queued"}


async def test_a_message_whose_key_is_gone_fails_with_the_reason(post: Post) -> None:
    await post.put("hello")
    async with post.house.database.transaction() as tx:
        await tx.execute("UPDATE mailer_messages SET content = 'x' WHERE account_id = ?", post.account)
    await post.run()
    assert "cannot be decrypted" in (await post.rows())[0]["error"]


async def test_what_is_old_is_deleted_and_what_waits_stays(post: Post, app: App) -> None:
    brief = Post(app, retention=0.001)
    brief.account = post.account
    await post.put("done")
    await post.run()
    post.answer = lambda _mail: RetryLater("busy")
    await post.put("waits")
    await post.run()
    await asyncio.sleep(0.01)
    await brief.domain.prune()
    assert await post.states() == {"waits": "queued"}
    tries = await post.house.database.fetch("SELECT * FROM mailer_attempts")
    assert len(tries) == 1


async def test_hundreds_of_tries_are_not_all_kept(post: Post) -> None:
    post.answer = lambda _mail: RetryLater("busy")
    id_ = await post.put("hello")
    for _ in range(60):
        await post.hurry()
        await post.run()
    shown = await post.domain.history.get(post.account, LIVE, id_)
    assert len(shown["timeline"]) == 51
    assert shown["attempts"] == 60


async def test_a_message_whose_account_is_erased_while_it_is_sent_leaves_nothing(post: Post) -> None:
    await post.put("hello")

    transport = post.domain.transports[0]

    async def send(_mail: OutgoingMail) -> Handover:
        async with post.house.database.transaction() as tx:
            await tx.execute("DELETE FROM mailer_messages WHERE account_id = ?", post.account)
        return Handover()

    post.domain.transports = [type(transport)(transport.name, transport.sender, send)]
    await post.run()
    assert not await post.house.database.fetch("SELECT * FROM mailer_attempts")

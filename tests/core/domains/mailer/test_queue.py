"""Messages are written with the change they tell of, once each, and leave in the order of their lane."""

from __future__ import annotations

import asyncio

import pytest

from core.domains.mailer.conftest import LIVE, Post, email
from rallypoint.domains.mailer.api import Handover, Mailer
from rallypoint.errors import PermanentFailure, RetryLater


async def test_a_message_is_sent_after_the_commit(post: Post) -> None:
    async with post.house.database.transaction():
        id_ = await post.put("hello")
        assert await post.rows() == []
    await post.run()
    (mail,) = post.sent
    assert (mail.id, mail.sender, mail.recipients) == (id_, "Desk <desk@example.org>", ("ada@example.com",))
    assert mail.message_id == f"<{id_}@example.org>"
    assert await post.states() == {"hello": "sent"}


async def test_what_is_rolled_back_is_never_sent(post: Post) -> None:
    with pytest.raises(ZeroDivisionError):
        async with post.house.database.transaction():
            await post.put("hello")
            raise ZeroDivisionError
    await post.run()
    assert post.sent == []


async def test_a_key_makes_one_message_however_often_and_at_once(post: Post) -> None:
    ids = await asyncio.gather(*(post.put("hello", "lane", key="k") for _ in range(10)))
    assert len(set(ids)) == 1
    await post.run()
    assert await post.put("hello", key="k") == ids[0]
    await post.run()
    assert post.subjects == ["hello"]


async def test_a_key_is_the_account_s_own(post: Post) -> None:
    first = await post.put("hello", key="k")
    post.account = "0190a000-0000-7000-8000-00000000000a"
    assert await post.put("hello", key="k") != first


async def test_a_lane_keeps_its_order_and_holds_up_nobody_else(post: Post) -> None:
    post.answer = lambda mail: RetryLater("busy") if mail.email.subject == "one" else Handover()
    for subject in ("one", "two", "three"):
        await post.put(subject, "lane")
    await post.put("other")
    await post.run()
    assert post.subjects == ["other"]
    assert [row["next_at"] is not None for row in await post.rows()] == [True, False, False, False]

    post.answer = lambda _mail: Handover()
    await post.hurry()
    await post.run()
    assert post.subjects == ["other", "one", "two", "three"]


async def test_a_message_that_fails_lets_its_lane_go_on(post: Post) -> None:
    post.answer = lambda mail: (
        PermanentFailure("no such mailbox bob@example.com") if mail.email.subject == "one" else Handover()
    )
    await post.put("one", "lane")
    await post.put("two", "lane")
    await post.run()
    assert await post.states() == {"one": "failed", "two": "sent"}
    assert (await post.rows())[0]["error"] == "no such mailbox …@…"


async def test_the_sandbox_records_and_sends_nothing(post: Post) -> None:
    await post.put("hello", "lane", mode="sandbox")
    await post.put("real", "lane")
    await post.run()
    assert post.subjects == ["real"]
    assert await post.states() == {"hello": "recorded", "real": "sent"}


async def test_nothing_of_a_message_is_stored_in_plain_and_its_text_goes_when_it_is_sent(post: Post) -> None:
    await post.put("very secret subject")
    (row,) = await post.rows()
    stored = " ".join(str(value) for name, value in dict(row).items() if name != "message_key")
    assert all(word not in stored for word in ("ada@example.com", "secret", "Hello"))
    await post.run()
    (row,) = await post.rows()
    assert row["content"] == ""
    shown = await post.domain.history.get(post.account, LIVE, row["id"])
    assert (shown["to"], shown["subject"]) == (["ada@example.com"], "very secret subject")


async def test_recipients_who_were_reached_are_not_written_to_again(post: Post) -> None:
    both = email("hello", to=("ada@example.com",), cc=("bob@example.com", "eve@example.com"))
    await post.domain.service.send(account_id=post.account, mode=LIVE, key="k", email=both)
    post.answer = lambda _mail: Handover("250", later=("bob@example.com",), refused=("eve@example.com",))
    await post.run()
    assert await post.states() == {"k": "queued"}
    post.answer = lambda _mail: Handover("250 taken")
    await post.hurry()
    await post.run()
    assert [mail.recipients for mail in post.sent] == [both.recipients, ("bob@example.com",)]
    assert await post.states() == {"k": "sent"}


async def test_a_message_that_reaches_nobody_has_failed(post: Post) -> None:
    await post.put("hello")
    post.answer = lambda mail: Handover("550", refused=mail.recipients)
    await post.run()
    assert await post.states() == {"hello": "failed"}
    assert (await post.rows())[0]["error"] == "1 of 1 recipients are refused; 550"


async def test_the_service_is_found_by_its_protocol(post: Post) -> None:
    mailer = post.house.kernel.services.get(Mailer)
    mailer.check(email("hello"))
    assert await mailer.send(account_id=post.account, mode=LIVE, key="k", email=email("hello"))


@pytest.mark.parametrize(("key", "lane"), [("", ""), ("k" * 201, ""), ("k", "l" * 201)])
async def test_a_key_or_lane_that_does_not_fit_is_a_bug_of_the_caller(
    post: Post, key: str, lane: str
) -> None:
    with pytest.raises(ValueError, match="a key has"):
        await post.domain.service.send(
            account_id=post.account, mode=LIVE, key=key, email=email("hello"), lane=lane
        )


async def test_a_message_may_be_withdrawn_until_somebody_begins_to_send_it(post: Post) -> None:
    service = post.domain.service

    async def withdraw(key: str) -> bool:
        return await service.withdraw(account_id=post.account, mode=LIVE, key=key)

    await service.send(
        account_id=post.account, mode=LIVE, key="wait", email=email("wait"), lane="lane", delay=60
    )
    await post.put("next", "lane")
    await post.run()
    assert post.tries == []
    assert await withdraw("wait")
    assert not await withdraw("wait")
    await post.run()
    assert post.subjects == ["next"]
    assert not await withdraw("next")
    assert not await withdraw("nothing")
    assert await post.states() == {"wait": "withdrawn", "next": "sent"}

    post.answer = lambda _mail: RetryLater("busy")
    await post.put("tried")
    await post.run()
    assert not await withdraw("tried"), "who knows whether it arrived"
    assert await post.put("sandboxed", mode="sandbox")
    assert await service.withdraw(account_id=post.account, mode="sandbox", key="sandboxed")


async def test_a_message_that_is_withdrawn_after_it_was_found_due_is_not_sent(post: Post) -> None:
    await post.put("hello")
    drain = post.domain.drain
    begun = drain._begun

    async def withdrawn_first(rows):
        await post.domain.service.withdraw(account_id=post.account, mode=LIVE, key="hello")
        return await begun(rows)

    drain._begun = withdrawn_first  # between the look and the mark
    await post.run()
    assert post.tries == []


async def test_a_delay_lasts_behind_others_of_the_lane_too(post: Post) -> None:
    await post.put("first", "lane")
    await post.domain.service.send(
        account_id=post.account, mode=LIVE, key="later", email=email("later"), lane="lane", delay=60
    )
    await post.run()
    assert post.subjects == ["first"]
    await post.hurry()
    await post.run()
    assert post.subjects == ["first", "later"]

"""``/api/v1/mail`` over HTTP: an account sees its own messages and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from core.domains.mailer.conftest import Post
from core.web.asgi import Got, ask
from rallypoint.app import App
from rallypoint.domains.mailer.api import Handover
from rallypoint.errors import PermanentFailure
from rallypoint.storage.ids import new_id

PATH = "/api/v1/mail"


class Member:
    """A user of an account, and what was sent for it."""

    def __init__(self, app: App, credential: str) -> None:
        self.app, self.credential = app, credential
        self.post = Post(app)

    async def ask(self, method: str, path: str = PATH, json: Any = None) -> Got:
        return await ask(
            self.app, method, path, json=json, headers={"authorization": f"Bearer {self.credential}"}
        )

    async def data(self, path: str = PATH) -> Any:
        return (await self.ask("GET", path)).json()["data"]


async def join(app: App) -> Member:
    user = {"email": f"{new_id()}@example.com", "password": "correct horse battery", "company_name": "Acme"}
    reply = await ask(app, "POST", "/api/registration", json={"user": user}, headers={})
    member = Member(app, reply.json()["token"])
    member.post.account = reply.json()["user"]["account_id"]
    return member


@pytest.fixture
async def member(app: App) -> Member:
    return await join(app)


async def test_the_timeline_of_a_message(member: Member) -> None:
    id_ = await member.post.put("hello")
    (listed,) = await member.data()
    assert (listed["id"], listed["state"], listed["to"]) == (id_, "queued", ["ada@example.com"])
    assert listed["next_attempt_at"]
    await member.post.run()
    shown = await member.data(f"{PATH}/{id_}")
    assert (shown["state"], shown["subject"], shown["attempts"]) == ("sent", "hello", 1)
    assert [(step["what"], step["transport"], step["detail"]) for step in shown["timeline"]] == [
        ("queued", None, None),
        ("sent", "test", "taken"),
    ]
    assert shown["content"] is None
    assert shown["finished_at"]


async def test_a_foreign_message_is_not_there(member: Member, app: App) -> None:
    id_ = await member.post.put("hello")
    other = await join(app)
    assert await other.data() == []
    for method, path in (("GET", id_), ("POST", f"{id_}/retry"), ("GET", "nonsense"), ("GET", new_id())):
        assert (await other.ask(method, f"{PATH}/{path}")).status == 404
    assert (await ask(app, "GET", PATH, headers={})).status == 401


async def test_lists_are_paged_and_chosen_by_state(member: Member) -> None:
    for number in range(3):
        await member.post.put(f"m{number}")
    await member.post.run()
    await member.post.put("waits")
    first = (await member.ask("GET", f"{PATH}?limit=2")).json()
    assert [one["subject"] for one in first["data"]] == ["waits", "m2"]
    second = (await member.ask("GET", f"{PATH}?limit=2&after={first['next']}")).json()
    assert ([one["subject"] for one in second["data"]], second["next"]) == (["m1", "m0"], None)
    assert [one["subject"] for one in await member.data(f"{PATH}?state=queued")] == ["waits"]
    assert (await member.ask("GET", f"{PATH}?state=lost")).status == 400


async def test_what_failed_is_sent_again_once(member: Member) -> None:
    post = member.post
    post.answer = lambda mail: (
        PermanentFailure("no such mailbox") if mail.email.subject == "one" else Handover()
    )
    id_ = await post.put("one", "lane")
    await post.put("two", "lane")
    await post.run()
    assert (await member.data(f"{PATH}/{id_}"))["error"] == "no such mailbox"
    post.answer = lambda _mail: Handover()
    assert (await member.ask("POST", f"{PATH}/{id_}/retry")).status == 202
    await post.run()
    assert post.subjects == ["two", "one"]
    again = await member.ask("POST", f"{PATH}/{id_}/retry")
    assert (again.status, again.json()["error"]["code"]) == (409, "CONFLICT")


async def test_one_who_is_no_admin_sends_nothing_again(member: Member, app: App) -> None:
    post = member.post
    post.answer = lambda _mail: PermanentFailure("no such mailbox")
    id_ = await post.put("one")
    await post.run()
    async with app.house.database.transaction() as tx:
        await tx.execute("UPDATE users SET role = 'user' WHERE account_id = ?", post.account)
    assert (await member.ask("POST", f"{PATH}/{id_}/retry")).status == 403


async def test_the_sandbox_shows_what_would_have_been_sent(member: Member, app: App) -> None:
    made = await member.ask("POST", "/api/personal_api_keys", {"label": "try", "sandbox": True})
    twin = Member(app, made.json()["data"]["value"])
    row = await app.house.database.fetch_one("SELECT id FROM accounts WHERE twin_of = ?", member.post.account)
    assert row is not None
    twin.post.account = row["id"]
    id_ = await twin.post.put("hello", mode="sandbox")
    shown = await twin.data(f"{PATH}/{id_}")
    assert (shown["state"], shown["content"]) == ("recorded", {"text": "Hello", "html": "", "calendar": ""})
    assert [step["what"] for step in shown["timeline"]] == ["recorded"]
    assert await member.data() == []

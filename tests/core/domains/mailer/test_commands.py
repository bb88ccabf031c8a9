"""``rallypoint mail`` beside a running server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from core.domains.mailer.conftest import Post
from rallypoint.domains.mailer.api import Handover
from rallypoint.errors import PermanentFailure

Run = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def mail(database_url: str, tmp_path: Path) -> Run:
    """Runs ``rallypoint mail …`` in a process of its own on the server's data."""
    env = {
        **os.environ,
        "COLUMNS": "300",
        "RALLYPOINT_DATA_DIR": str(tmp_path),
        "RALLYPOINT_DATABASE_URL": database_url,
        "RALLYPOINT_SECRET_KEY": "x" * 32,
    }

    async def run(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "rallypoint", "mail", *arguments,
            env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    return run


async def test_a_message_is_listed_shown_and_sent_again(post: Post, mail: Run) -> None:
    post.answer = lambda _mail: PermanentFailure("no such mailbox")
    id_ = await post.put("hello")
    await post.run()
    code, listed = await mail("list", "--state", "failed")
    assert (code, id_ in listed, "no such mailbox" in listed) == (0, True, True)
    assert "ada@example.com" not in listed

    code, shown = await mail("show", id_)
    assert code == 0, shown
    assert all(text in shown for text in ("to: ada@example.com", "subject: hello", "failed  test  no such"))

    post.answer = lambda _mail: Handover()
    assert (await mail("retry", id_))[0] == 0
    await post.run()
    assert await post.states() == {"hello": "sent"}
    code, said = await mail("retry", id_)
    assert (code, "Only a message that failed" in said) == (1, True)
    code, said = await mail("show", "0190a000-0000-7000-8000-00000000000a")
    assert (code, "There is no such message" in said) == (1, True)


async def test_a_test_message_goes_the_way_of_all(post: Post, mail: Run) -> None:
    running = asyncio.create_task(mail("send-test", "ops@example.com", "--wait", "30"))
    while not post.tries and not running.done():
        await post.run()
        await asyncio.sleep(0.05)
    assert await running == (0, "sent: taken\n")
    assert post.sent[0].recipients == ("ops@example.com",)


async def test_a_test_message_says_why_it_waits(mail: Run, post: Post) -> None:
    code, said = await mail("send-test", "ops@example.com", "--wait", "1")
    assert (code, said) == (1, "queued: no server took it up yet\n")
    code, said = await mail("send-test", "nobody")
    assert (code, "is not an e-mail address" in said) == (1, True)


async def test_without_a_database_it_says_what_to_do(tmp_path: Path) -> None:
    env = {**os.environ, "RALLYPOINT_DATA_DIR": str(tmp_path / "none")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rallypoint", "mail", "list", env=env, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"start the server first" in said

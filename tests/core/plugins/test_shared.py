from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from rallypoint.plugins import shared
from rallypoint.plugins.health import check_health, diagnose
from rallypoint.plugins.loader import Plugins
from rallypoint.plugins.redaction import redact
from rallypoint.plugins.shared import (
    LISTENS,
    SharedStatus,
    listeners,
    overview,
    read_states,
    record,
    request_resume,
    resume,
)
from rallypoint.plugins.status import ISSUE_LIFE, MAX_ISSUES, PluginStatus, StatusBoard, worst
from rallypoint.storage import clock
from rallypoint.storage.database import Database
from rallypoint.testing.install import install_plugin

ACME = """
from rallypoint.sdk import Health, PluginSettings, hookimpl
from pydantic import SecretStr

class Settings(PluginSettings):
    key: SecretStr = SecretStr("hunter2")
    other: SecretStr = SecretStr("")

state = Health()

@hookimpl
def register_settings():
    return Settings

@hookimpl
async def health(ctx):
    return state

@hookimpl
async def diagnostics(ctx):
    deep = [{"Authorization": "y"}, None, (1.5, True)]
    return {"items": 3, "api_key": "abc", "url": "https://x/?k=hunter2", "deep": deep}
"""

LISTENER = """
from rallypoint.sdk import hookimpl

@hookimpl
async def on_event(ctx, event):
    pass
"""


@pytest.fixture
def plugins(site: Path, load_plugins) -> Plugins:
    install_plugin(site, "acme", ACME)
    return load_plugins()


@pytest_asyncio.fixture
async def sharing(database: Database, plugins: Plugins, monkeypatch) -> AsyncIterator[SharedStatus]:
    monkeypatch.setattr(shared, "SYNC_SECONDS", 0.05)
    process = SharedStatus(database, plugins)
    await process.open()
    yield process
    await process.close()


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_others_see_what_a_process_says(
    database: Database, plugins: Plugins, sharing: SharedStatus
) -> None:
    (process,) = await read_states(database)
    assert process.alive
    assert list(process.statuses) == plugins.statuses
    plugins.board.report("acme", "retrying", "task sync", "busy", "none")

    async def seen() -> bool:
        return {status.name: status.status for status in await overview(database)}["acme"] == "retrying"

    await until(seen)


async def test_a_resume_reaches_every_process(
    database: Database, plugins: Plugins, sharing: SharedStatus
) -> None:
    gate = plugins.dispatch.gate("acme")
    for _ in range(2):  # a second time as well
        for _ in range(5):
            gate.bug("work", ValueError("x"))
        assert gate.closed
        await request_resume(database, "acme")

        async def lifted() -> bool:
            return not gate.closed

        await until(lifted)


async def test_an_old_resume_does_not_lift_a_new_quarantine(database: Database, plugins: Plugins) -> None:
    await request_resume(database, "acme")
    process = SharedStatus(database, plugins)
    await process.open()
    gate = plugins.dispatch.gate("acme")
    for _ in range(5):
        gate.bug("work", ValueError("x"))
    await process.sync_once()
    assert gate.closed
    await process.close()


async def test_resuming_forgets_a_crash(database: Database, tmp_path: Path) -> None:
    (tmp_path / "loading").mkdir()
    (tmp_path / "loading" / "acme").write_text("1.0")
    assert await resume(database, tmp_path, "acme")
    assert not await resume(database, tmp_path, "acme")


async def test_the_worst_view_of_the_living_counts(database: Database, plugins: Plugins) -> None:
    first, second = SharedStatus(database, plugins), SharedStatus(database, plugins, "worker")
    await first.open()
    plugins.board.report("acme", "degraded", "task sync", "x", "y")
    await second.open()
    assert {status.name: status.status for status in await overview(database)}["acme"] == "degraded"
    await second.close()
    await asyncio.sleep(0)
    plugins.board.clear("acme", "task sync")
    await first.publish()
    assert {status.name: status.status for status in await overview(database)}["acme"] == "active"
    await first.close()
    assert not any(process.alive for process in await read_states(database))
    assert {status.name for status in await overview(database)} == {plugin.name for plugin in plugins.loaded}


async def test_processes_share_what_they_may_do_together(database: Database, plugins: Plugins) -> None:
    parts: dict[str, float] = {}
    kinds = ["server", "worker", "worker"]
    running = [
        SharedStatus(database, plugins, kind, share=partial(parts.__setitem__, f"{kind} {number}"))
        for number, kind in enumerate(kinds)
    ]
    await running[0].open()
    assert parts == {"server 0": 1.0}
    for process in running[1:]:
        await process.open()
    for process in running:
        await process.sync_once()
    assert parts == pytest.approx({"server 0": 0.2, "worker 1": 0.4, "worker 2": 0.4})
    for process in running[1:]:
        await process.close()
    await running[0].sync_once()
    assert parts["server 0"] == 1.0
    await running[0].close()


async def test_processes_long_dead_are_forgotten(database: Database, plugins: Plugins) -> None:
    first = SharedStatus(database, plugins)
    await first.open()
    await first.close()
    long_ago = clock.now() - 2 * shared.KEPT
    async with database.transaction() as tx:
        await tx.execute("UPDATE processes SET started_at = ?", long_ago)
    second = SharedStatus(database, plugins)
    await second.open()
    assert [process.id for process in await read_states(database)] == [second.id]
    await second.close()


async def test_who_listens_in_any_process_is_told_for_a_day(
    database: Database, site: Path, load_plugins
) -> None:
    install_plugin(site, "deaf", ACME)
    install_plugin(site, "keen", LISTENER)
    await record(database, load_plugins())
    async with database.transaction() as tx:
        assert {"keen", "deaf"} & set(await listeners(tx)) == {"keen"}
        assert (await listeners(tx))["keen"] == ("*",)
        await tx.execute("UPDATE plugin_records SET seen_at = ?", clock.now() - LISTENS)
        assert await listeners(tx) == {}


async def test_a_failing_database_does_not_end_the_loop(database: Database, plugins, monkeypatch) -> None:
    monkeypatch.setattr(shared, "SYNC_SECONDS", 0.01)
    process = SharedStatus(database, plugins)
    await process.open()
    async with database.transaction() as tx:
        await tx.execute("ALTER TABLE plugin_resumes RENAME TO hidden")
    await asyncio.sleep(0.1)
    async with database.transaction() as tx:
        await tx.execute("ALTER TABLE hidden RENAME TO plugin_resumes")
    plugins.board.report("acme", "degraded", "x", "y", "z")

    async def seen() -> bool:
        return {status.name: status.status for status in await overview(database)}["acme"] == "degraded"

    await until(seen)
    await process.close()


async def test_health_shows_until_it_is_well(plugins: Plugins) -> None:
    import sys

    from rallypoint.sdk import Health

    module = sys.modules["rallypoint_acme"]
    module.state = Health("degraded", "the queue is long", "add a worker", {"queue": 9})
    assert (await check_health(plugins))["acme"].facts == {"queue": 9}
    status = plugins.board.get("acme")
    assert (status.status, status.reason, status.remedy) == ("degraded", "the queue is long", "add a worker")
    since = status.since
    await asyncio.sleep(0.005)
    await check_health(plugins)
    assert plugins.board.get("acme").since == since
    module.state = Health()
    await check_health(plugins)
    assert plugins.board.get("acme").status == "active"
    module.state = "fine"
    assert "acme" not in await check_health(plugins)


async def test_diagnostics_show_no_secret(plugins: Plugins) -> None:
    facts = await diagnose(plugins, "acme")
    assert facts == {
        "items": 3,
        "api_key": "[redacted]",
        "url": "https://x/?k=[redacted]",
        "deep": [{"Authorization": "[redacted]"}, None, [1.5, True]],
    }


def test_redaction_has_an_end() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert redact(loop) == [[[[[["…"]]]]]]
    assert len(redact("x" * 5000)) == 2000


def entry(name: str = "acme", **values: object) -> PluginStatus:
    return replace(PluginStatus(name, f"rallypoint-{name}", "1.0", name), **values)


def test_the_gravest_issue_is_shown_and_old_ones_fade(monkeypatch) -> None:
    board = StatusBoard()
    board.put(entry())
    board.report("acme", "degraded", "a", "x", "")
    board.report("acme", "needs_reauth", "b", "y", "")
    board.report("acme", "retrying", "startup", "z", "")
    assert (board.get("acme").status, board.get("acme").stage) == ("needs_reauth", "b")
    later = clock.now() + ISSUE_LIFE + 1
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (board.get("acme").status, board.get("acme").stage) == ("retrying", "startup")


def test_an_issue_shows_since_when_it_lasts() -> None:
    board = StatusBoard()
    board.put(entry(since=1))
    board.report("acme", "degraded", "a", "x", "")
    first = board.get("acme").since
    board.report("acme", "degraded", "a", "again", "")
    assert (board.get("acme").since, board.get("acme").reason) == (first, "again")
    board.clear("acme", "a")
    assert board.get("acme").since == 1


def test_issues_do_not_pile_up() -> None:
    board = StatusBoard()
    board.put(entry())
    for index in range(MAX_ISSUES + 5):
        board.report("acme", "degraded", f"stage {index}", "x" * 900, "")
    for index in range(5, MAX_ISSUES + 5):
        board.clear("acme", f"stage {index}")
    assert board.get("acme").status == "active"


def test_what_is_not_loaded_has_no_issues() -> None:
    board = StatusBoard()
    board.put(entry(status="failed", reason="y" * 900))
    board.report("acme", "degraded", "a", "x", "")
    assert board.get("acme").status == "failed"
    assert len(board.get("acme").reason) == 500
    assert worst([entry(), entry(status="failed"), entry(status="retrying")]).status == "failed"


def test_a_reason_shows_no_secret_of_the_plugins_settings(plugins: Plugins) -> None:
    plugins.dispatch.gate("acme").bug("task sync", ValueError("401 for key hunter2"))
    assert plugins.board.get("acme").reason == "ValueError: 401 for key [redacted]"


def test_a_reason_given_at_registration_shows_none_either(site: Path, load_plugins, monkeypatch) -> None:
    code = (
        "\n@hookimpl\ndef register_tasks(ctx):\n    raise ValueError(ctx.settings.key.get_secret_value())\n"
    )
    install_plugin(site, "acme", ACME + code)
    assert load_plugins().board.get("acme").reason.startswith("ValueError: [redacted]")

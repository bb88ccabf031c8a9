from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from rallypoint.errors import ApiError, BadRequest, Conflict, NotFound, PluginError, RetryLater, Unavailable
from rallypoint.plugins import budget, failures
from rallypoint.plugins.dispatch import Dispatcher
from rallypoint.plugins.failures import PluginFailed
from rallypoint.plugins.loader import Plugins
from rallypoint.testing.install import install_plugin

IMPORTS = """
import asyncio, sys, time
from rallypoint.sdk import *
"""
MOODY = (
    IMPORTS
    + """
@hookimpl
async def on_event(event):
    if event == "retry":
        raise RetryLater("slow down", after=7)
    if event == "reauth":
        raise NeedsReauth("signed out")
    if event == "permanent":
        raise PermanentFailure("never")
    if event == "bug":
        raise ValueError("oops")
    if event == "exit":
        sys.exit(3)
    if event == "stubborn":
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(5)
                raise
    await asyncio.sleep(0)
    return f"heard {event}"

@hookimpl
async def shutdown(ctx):
    return "bye"
"""
)


@pytest.fixture
def plugins(site: Path, load_plugins) -> Plugins:
    install_plugin(
        site, "calm", IMPORTS + "@hookimpl\nasync def on_event(ctx, event):\n    return ctx.name\n"
    )
    install_plugin(site, "moody", MOODY)
    return load_plugins(hook_timeout=0.3, hook_block_timeout=0.1)


@pytest.fixture
def dispatch(plugins: Plugins) -> Dispatcher:
    return plugins.dispatch


async def test_every_implementation_is_called_with_what_it_asks_for(dispatch: Dispatcher) -> None:
    outcomes = {outcome.plugin: outcome for outcome in await dispatch.call_all("on_event", event="x")}
    assert outcomes["calm"].value == "calm"
    assert outcomes["moody"].value == "heard x"


async def test_who_does_not_implement_a_hook_answers_none(dispatch: Dispatcher) -> None:
    assert await dispatch.call("calm", "health") is None
    assert await dispatch.call("stranger", "on_event", event="x") is None


@pytest.mark.parametrize(
    ("event", "status", "error"),
    [
        ("retry", "retrying", "slow down"),
        ("reauth", "needs_reauth", "signed out"),
        ("permanent", "degraded", "never"),
        ("bug", "degraded", "moody: on_event: ValueError: oops"),
        ("exit", "degraded", "tried to end the process"),
    ],
)
async def test_a_failure_is_attributed_and_shows_until_the_next_success(
    plugins: Plugins, event: str, status: str, error: str
) -> None:
    plugins.dispatch.watchdog.start()
    try:
        calm, moody = await plugins.dispatch.call_all("on_event", event=event)
    finally:
        plugins.dispatch.watchdog.stop()
    assert calm.value == "calm"
    assert error in str(moody.error)
    assert (plugins.board.get("moody").status, plugins.board.get("moody").stage) == (status, "on_event")
    assert plugins.board.get("calm").status == "active"
    await plugins.dispatch.call("moody", "on_event", event="x")
    assert plugins.board.get("moody").status == "active"


async def test_the_time_a_provider_asked_for_reaches_the_caller(dispatch: Dispatcher) -> None:
    with pytest.raises(RetryLater) as caught:
        await dispatch.call("moody", "on_event", event="retry")
    assert caught.value.after == 7


async def test_a_hook_that_resists_its_cancellation_is_left_behind(dispatch: Dispatcher) -> None:
    started = time.monotonic()
    with pytest.raises(PluginFailed, match=r"took more than 0\.3 s"):
        await dispatch.call("moody", "on_event", event="stubborn")
    assert time.monotonic() - started < 3
    (task,) = asyncio.all_tasks() - {asyncio.current_task()}
    task.cancel()
    await asyncio.wait({task})


async def test_cancelling_the_caller_cancels_the_hook(dispatch: Dispatcher) -> None:
    cancelled = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    call = asyncio.create_task(dispatch.run("moody", wait(), what="wait", timeout=5))
    await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.wait({call})
    assert call.cancelled()
    await asyncio.wait_for(cancelled.wait(), 1)


async def fail(plugins: Plugins, times: int) -> None:
    for _ in range(times):
        with pytest.raises(PluginFailed):
            await plugins.dispatch.call("moody", "on_event", event="bug")


async def test_too_many_bugs_close_the_gate_and_resume_opens_it(plugins: Plugins) -> None:
    await fail(plugins, budget.MAX_BUGS - 1)
    assert plugins.board.get("moody").status == "degraded"
    await fail(plugins, 1)
    status = plugins.board.get("moody")
    assert (status.status, status.stage) == ("quarantined", "quarantine")
    assert "ValueError: oops" in status.reason
    assert status.remedy.endswith("`rallypoint plugin resume moody`")
    with pytest.raises(RetryLater, match="moody is quarantined"):
        await plugins.dispatch.call("moody", "on_event", event="x")
    assert await plugins.dispatch.call("moody", "shutdown") == "bye"
    plugins.dispatch.resume("moody")
    assert await plugins.dispatch.call("moody", "on_event", event="x") == "heard x"
    assert plugins.board.get("moody").status == "active"
    await fail(plugins, budget.MAX_BUGS - 1)
    assert plugins.board.get("moody").status == "degraded"


async def test_bugs_far_apart_do_not_close_the_gate(plugins: Plugins, monkeypatch) -> None:
    monkeypatch.setattr(budget, "BUGS_WITHIN", 0.0)
    await fail(plugins, 2 * budget.MAX_BUGS)
    assert plugins.board.get("moody").status == "degraded"


async def test_two_hangs_close_the_gate(plugins: Plugins) -> None:
    for _ in range(budget.MAX_HANGS):
        with pytest.raises(PluginFailed):
            await plugins.dispatch.run("moody", asyncio.sleep(9), what="nap", timeout=0.01)
    assert plugins.board.get("moody").status == "quarantined"


async def test_a_core_domain_is_never_quarantined(plugins: Plugins) -> None:
    async def bug() -> None:
        raise ValueError("oops")

    for _ in range(2 * budget.MAX_BUGS):
        with pytest.raises(PluginFailed):
            await plugins.dispatch.run("rooms", bug(), what="sweep")
    assert plugins.board.get("rooms").status == "degraded"


async def test_expected_exceptions_are_answers(plugins: Plugins) -> None:
    async def refuse() -> None:
        raise LookupError("no")

    for _ in range(2 * budget.MAX_BUGS):
        with pytest.raises(LookupError):
            await plugins.dispatch.run("moody", refuse(), what="join", expected=(LookupError,))
    assert plugins.board.get("moody").status == "active"


def test_plain_code_is_attributed_and_answers_with_api_errors(plugins: Plugins) -> None:
    def verify(fine: bool) -> str:
        if fine:
            raise NotFound("no")
        raise KeyError("header")

    with pytest.raises(NotFound):
        plugins.dispatch.call_plain("moody", "verify", verify, True)
    with pytest.raises(PluginFailed, match="moody: verify: KeyError"):
        plugins.dispatch.call_plain("moody", "verify", verify, False)


@pytest.mark.parametrize(
    ("error", "kind", "retry_after"),
    [
        ("RetryLater('busy', after=2.4)", Unavailable, "2"),
        ("RetryLater('busy')", Unavailable, str(failures.DEFAULT_RETRY_SECONDS)),
        ("BadConfig('RALLYPOINT_X is missing')", Unavailable, None),
        ("NeedsReauth()", Conflict, None),
        ("PermanentFailure('gone')", BadRequest, None),
        ("NotFound('no such thing')", NotFound, None),
    ],
)
async def test_a_route_tells_its_caller_what_it_can_use(dispatch, error, kind, retry_after) -> None:
    from rallypoint import errors

    async def handler(call):
        raise eval(error, vars(errors))

    with pytest.raises(ApiError) as caught:
        await dispatch.guard("moody")(handler)(None)
    assert type(caught.value) is kind
    assert caught.value.headers.get("Retry-After") == retry_after


async def test_a_route_answers_503_while_its_plugin_is_quarantined(plugins: Plugins) -> None:
    async def handler(call, *, name):
        if name == "bad":
            raise ValueError("oops")
        return name

    guarded = plugins.dispatch.guard("moody")(handler)
    assert await guarded(None, name="good") == "good"
    for _ in range(budget.MAX_BUGS):
        with pytest.raises(ValueError, match="oops"):
            await guarded(None, name="bad")
    with pytest.raises(Unavailable, match="moody is out of service"):
        await guarded(None, name="good")
    plugins.dispatch.resume("moody")
    assert await guarded(None, name="good") == "good"


async def test_a_route_that_blocks_is_stopped_and_counted(plugins: Plugins) -> None:
    async def handler(call):
        time.sleep(30)

    plugins.dispatch.watchdog.start()
    try:
        with pytest.raises(PluginFailed, match="moody held the event loop"):
            await plugins.dispatch.guard("moody")(handler)(None)
    finally:
        plugins.dispatch.watchdog.stop()
    assert plugins.board.get("moody").status == "degraded"


async def test_a_dropped_plugin_is_not_called_any_more(plugins: Plugins) -> None:
    plugins.drop("moody", "migration", "OperationalError: no such table")
    status = plugins.board.get("moody")
    assert (status.status, status.stage) == ("failed", "migration")
    assert "restore a backup" in status.remedy
    assert [outcome.plugin for outcome in await plugins.dispatch.call_all("on_event", event="x")] == ["calm"]
    plugins.dispatch.resume("moody")
    assert plugins.board.get("moody").status == "failed"


def test_what_a_plugin_raises_itself_is_a_plugin_error() -> None:
    assert isinstance(failures.as_api_error(RetryLater()), ApiError)
    assert not issubclass(PluginFailed, PluginError)

"""Whatever happens on both sides, in whatever order and however calls fail: in the end they agree, and rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from rallypoint.app import App, build
from rallypoint.settings import Settings
from support.memory_calendar import MemoryCalendar

from .conftest import World
from .play import CALLS, ENGINE, HERE, MODES, THERE, Play

HOURS, PICK = st.integers(0, 5), st.integers(0, 7)
THEN = st.sampled_from(["", "", *ENGINE])
SKEWS = (-60_000, 0, 60_000)
LONG, STEPS = 15, 60


class Shared:
    """One server for all examples; each has an account and a calendar of its own."""

    runner: asyncio.Runner
    world: World


class Sides(RuleBasedStateMachine):
    """Short histories, which shrink."""

    @initialize(skew=st.sampled_from(SKEWS), strict=st.booleans(), mode=st.sampled_from(MODES))
    def begin(self, skew: int, strict: bool, mode: str) -> None:
        self.play = Play(Shared.world, skew)
        self.run(self.play.begin(strict, mode))

    @rule(kind=st.sampled_from(HERE), pick=PICK, hour=HOURS, then=THEN)
    def here(self, kind: str, pick: int, hour: int, then: str) -> None:
        self.run(self.play.here(kind, pick, hour), then)

    @rule(kind=st.sampled_from(THERE), pick=PICK, hour=HOURS, then=THEN)
    def there(self, kind: str, pick: int, hour: int, then: str) -> None:
        self.run(self.play.there(kind, pick, hour), then)

    @rule(call=st.sampled_from(CALLS), lost=st.booleans(), killed=st.booleans(), then=THEN)
    def fail(self, call: str, lost: bool, killed: bool, then: str) -> None:
        self.run(self.play.fail(call, lost, killed), then)

    @rule(mode=st.sampled_from(["", *MODES]), then=THEN)
    def disturb(self, mode: str, then: str) -> None:
        self.run(self.play.switch(mode) if mode else self.play.forget(), then)

    def teardown(self) -> None:
        if hasattr(self, "play"):
            self.run(self.play.end())

    def run(self, work: Coroutine[Any, Any, None], then: str = "") -> None:
        Shared.runner.run(work)
        if then:
            Shared.runner.run(self.play.engine(then))


def test_both_sides_agree_in_the_end(shared: Shared) -> None:
    run_state_machine_as_test(
        Sides,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_both_sides_agree_after_long_histories(shared: Shared) -> None:
    for seed in range(LONG):
        Shared.runner.run(history(random.Random(seed)))


async def history(dice: random.Random) -> None:
    """Play a long history, in which everything happens often."""
    play = Play(Shared.world, dice.choice(SKEWS))
    await play.begin(dice.random() < 0.5, dice.choice(MODES))
    for _ in range(STEPS):
        chance = dice.random()
        if chance < 0.3:
            await play.here(dice.choice(HERE), dice.randrange(8), dice.randrange(6))
        elif chance < 0.6:
            await play.there(dice.choice(THERE), dice.randrange(8), dice.randrange(6))
        elif chance < 0.9:
            await play.engine(dice.choice(ENGINE))
        elif chance < 0.97:
            await play.fail(dice.choice(CALLS), dice.random() < 0.5, dice.random() < 0.3)
        elif chance < 0.99:
            await play.forget()
        else:
            await play.switch(dice.choice(MODES))
    await play.end()


@pytest.fixture
def shared(database_url: str, tmp_path: Path) -> Iterator[Shared]:
    with asyncio.Runner() as runner:
        Shared.runner = runner
        app = runner.run(open_app(database_url, tmp_path))
        try:
            Shared.world = World(app, MemoryCalendar())
            runner.run(Shared.world.open())
            yield Shared()
        finally:
            runner.run(app.opening.close())


async def open_app(database_url: str, tmp_path: Path) -> App:
    app = build(
        Settings(
            data_dir=tmp_path,
            database_url=database_url,
            secret_key="x" * 32,
            safe_mode=True,
            serve_jobs=False,
        )
    )
    await app.opening.open()
    return app

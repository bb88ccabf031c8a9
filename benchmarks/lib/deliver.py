"""Our delivery engine in a process of its own: events → rows (timed) → every attempt stored (timed).

``python -m lib.deliver DATA_DIR RECEIVER_PORT`` prints a line of JSON: ``events``, and in seconds ``fanout``,
``deliver`` and ``cpu``, what delivering used of it. With ``--work FILE`` it also writes what it will send, for the
reference to send as well.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

from rallypoint.events.fanout import Fanout
from rallypoint.events.outbox import Outbox
from rallypoint.events.types import Draft, EventType
from rallypoint.jobs.engine import make_jobs
from rallypoint.realtime.hub import Hub
from rallypoint.role import CONCURRENCY
from rallypoint.security.secrets import ensure_secret_key
from rallypoint.security.vault import Vault
from rallypoint.settings import Settings
from rallypoint.storage.apps import CORE_APPS
from rallypoint.storage.database import Database, Row, Transaction
from rallypoint.storage.ids import new_id
from rallypoint.storage.leases import Leases
from rallypoint.storage.migrate import applied, migrate
from rallypoint.webhooks.deliveries import Deliveries
from rallypoint.webhooks.targets import Targets

EVENT = "participant.joined"


class Engine:
    """The parts of the server that take an event to its targets, wired as the server wires them.

    Args:
        data_dir: Of the database and the key, with SQLite.
        options: Further settings, such as ``database_url``; with PostgreSQL this only wakes other processes.
    """

    def __init__(self, data_dir: Path, **options: Any) -> None:
        settings = ensure_secret_key(
            Settings(data_dir=data_dir, allow_private_targets=True, _env_file=None, **options)
        )
        self.database = Database.from_settings(settings)
        self.vault = Vault(settings)
        self.leases = leases = Leases(self.database)
        self.jobs = make_jobs(self.database, leases, runs=False, concurrency=CONCURRENCY, queues=())
        self.outbox = Outbox(self.database, self.jobs, Hub(settings))
        self.targets = Targets(self.database, self.vault, settings)
        self.fanout = Fanout(self.database, self.jobs, leases, self.outbox.types, _nobody, lambda _: None)
        self.deliveries = Deliveries(self.database, self.jobs, leases, self.outbox, self.vault, settings)
        self.outbox.declare([EventType(EVENT, "Somebody joined")])

    async def open(self) -> None:
        await self.database.open({app.label: [app.models] for app in CORE_APPS})
        done = await applied(self.database)
        for app in CORE_APPS:
            await migrate(self.database, app, done)

    async def close(self) -> None:
        await self.deliveries.stop(1)
        await self.database.close()


async def _nobody(_: Transaction) -> Mapping[str, tuple[str, ...]]:
    return {}


def payload(room_id: str, number: int) -> dict[str, Any]:
    """Return the body of an event of rooms, as large as they are."""
    room = {
        "id": room_id,
        "name": "Morning focus",
        "description": "Early morning productivity, quiet and steady",
        "room_type": "video",
        "created_by": room_id,
        "is_public": True,
        "max_participants": 10,
        "current_participants": number,
        "tags": ["morning", "productivity"],
        "scheduled_start": "2025-11-08T08:00:00Z",
        "scheduled_end": "2025-11-08T10:00:00Z",
        "status": "active",
        "webrtc_room_id": f"room-{room_id}",
        "external_service_id": None,
        "external_service_name": None,
        "created_at": "2025-11-07T10:00:00Z",
        "updated_at": "2025-11-07T10:00:00Z",
    }
    stay = {"id": room_id, "room_id": room_id, "user_id": room_id, "is_active": True, "camera_enabled": False}
    return {
        "event": EVENT,
        "room_id": room_id,
        "user_id": room_id,
        "timestamp": "2025-11-07T14:05:00Z",
        "data": {"participant": stay, "room": room},
    }


async def aim(engine: Engine, rooms: int, port: int) -> list[Row]:
    """Return ``rooms`` targets, one a room, made where there are none yet, that lead to the receiver."""
    sql = "SELECT id, subject, account_id, secret FROM webhook_targets ORDER BY id DESC LIMIT ?"
    async with engine.database.transaction() as tx:
        for _ in range(rooms - len(await tx.fetch(sql, rooms))):
            await engine.targets.create(
                tx,
                account_id=new_id(),
                mode="live",
                owner_id=new_id(),
                kind="room",
                subject=f"room:{new_id()}",
                url=f"http://127.0.0.1:{port}/",
            )
        found = await tx.fetch(sql, rooms)
        moved = [(f"http://127.0.0.1:{port}/hook", row["id"]) for row in found]
        await tx.execute_many("UPDATE webhook_targets SET url = ? WHERE id = ?", moved)
    return found


async def raise_events(engine: Engine, targets: list[Row], count: int) -> list[dict[str, str]]:
    """Write events of the targets' rooms in turn, and return what will be sent for them."""
    subjects = tuple(row["subject"] for row in targets)
    marks = ", ".join("?" * len(subjects))
    found = await engine.database.fetch(
        f"SELECT subject, MAX(seq) AS seq FROM events WHERE subject IN ({marks}) GROUP BY subject",
        *subjects,
    )
    seqs = {row["subject"]: row["seq"] for row in found}
    secrets = {row["id"]: engine.vault.decrypt(row["secret"]) for row in targets}
    work = []
    async with engine.database.transaction() as tx:
        for number in range(count):
            target = targets[number % len(targets)]
            subject = target["subject"]
            seqs[subject] = seqs.get(subject, 0) + 1
            draft = Draft(
                EVENT,
                target["account_id"],
                "live",
                subject,
                seqs[subject],
                (subject,),
                payload(subject.partition(":")[2], number % 10),
            )
            event = await engine.outbox.add(tx, draft)
            work.append({"secret": secrets[target["id"]], "id": event.id, "body": event.body.decode()})
    return work


async def measure(options: argparse.Namespace) -> dict[str, float]:
    engine = Engine(options.data_dir)
    await engine.open()
    try:
        await engine.leases.inherit()  # as a server does that finds itself alone: the run before held them
        targets = await aim(engine, options.rooms, options.port)
        work = await raise_events(engine, targets, options.events)
        if options.work is not None:
            options.work.write_text(json.dumps(work))
        del work
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        before = await stored(engine)
        begun = time.perf_counter()
        await engine.fanout.run()
        rows, used = time.perf_counter(), time.process_time()
        engine.deliveries.poke(0)
        await engine.deliveries.idle()
        done, used = time.perf_counter(), time.process_time() - used
        attempts = await stored(engine) - before
    finally:
        await engine.close()
    if attempts != options.events:
        raise RuntimeError(f"{options.events} events made {attempts} attempts")
    return {"events": options.events, "fanout": rows - begun, "deliver": done - rows, "cpu": used}


async def stored(engine: Engine) -> int:
    """Return how many successful attempts there are."""
    row = await engine.database.fetch_one(
        "SELECT COUNT(*) AS attempts FROM webhook_attempts WHERE status = 200"
    )
    return int(row["attempts"]) if row else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--work", type=Path)
    print(json.dumps(uvloop.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()

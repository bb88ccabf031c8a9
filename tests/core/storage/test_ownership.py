"""Every table is either of accounts or, knowingly, the server's own."""

from __future__ import annotations

from rallypoint.app import App
from rallypoint.storage.ownership import owned_tables

POSTGRESQL = "(SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public') AS tables"
SERVERS_OWN = {
    "idempotent_replies",  # named by a digest; gone after a day
    "leases",
    "oauth_revocations",  # of nobody any more; gone when the provider knows, or after a week
    "plugin_records",
    "plugin_resumes",
    "plugin_states",
    "processes",
    "setup_tokens",
    "tortoise_migrations",
    "webhook_receipts",  # of providers; gone after their retention
}


async def test_every_table_belongs_to_somebody(app: App) -> None:
    database = app.house.database
    source = "sqlite_master WHERE type = 'table'" if database.is_sqlite else POSTGRESQL
    every = {row["name"] for row in await database.fetch(f"SELECT name FROM {source}")}
    owned = [table.name for table in await owned_tables(database)]
    assert {
        name for name in every - set(owned) if not name.startswith(("sqlite_", "procrastinate_"))
    } == SERVERS_OWN
    for child, parent in [
        ("webhook_attempts", "webhook_deliveries"),
        ("webhook_deliveries", "webhook_targets"),
        ("event_reactions", "events"),
        ("room_participants", "rooms"),
        ("stored_values", "connections"),
        ("connection_marks", "connections"),
        ("connection_log", "connections"),
        ("sessions", "users"),
        ("users", "accounts"),
    ]:
        assert owned.index(child) < owned.index(parent)

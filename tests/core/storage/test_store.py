"""A plugin's small values."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rallypoint.storage.store import MAX_VALUE_BYTES, Store

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(value=json_values)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_what_is_kept_comes_back(database, value):
    store = Store(database, "acme")
    await store.set("key", value)
    assert await store.get("key") == value


async def test_plugins_and_connections_keep_apart(database):
    own, other, connection = Store(database, "acme"), Store(database, "other"), Store(database, "acme", "c1")
    await own.set("cursor", 1)
    await connection.set("cursor", 2)
    assert (await own.get("cursor"), await connection.get("cursor")) == (1, 2)
    assert await other.get("cursor", "none") == "none"
    assert await own.for_connection("c1").get("cursor") == 2
    await own.delete("cursor")
    assert await own.get("cursor") is None
    assert await connection.get("cursor") == 2


async def test_a_cursor_moves_with_the_rows_or_not_at_all(database):
    store = Store(database, "acme")
    await store.set("cursor", 1)
    with pytest.raises(KeyError):
        async with database.transaction():
            await store.set("cursor", 2)
            raise KeyError
    assert await store.get("cursor") == 1


async def test_a_value_has_a_limit(database):
    with pytest.raises(ValueError, match="65536"):
        await Store(database, "acme").set("big", "x" * MAX_VALUE_BYTES)

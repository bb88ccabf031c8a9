"""Canonical JSON against the real JavaScript engine."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rallypoint.webhooks.canonical import MAX_DEPTH, canonical_json
from support.node_lines import NodeLines, node_lines

KEYS = st.one_of(
    st.text(max_size=6),
    st.integers(-3, 2**32 + 3).map(str),
    st.sampled_from(["0", "00", "4294967294", "4294967295", "__proto__", "1.5", "-1"]),
)
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=8)
DOCUMENTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        ANY_TEXT,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.one_of(KEYS, ANY_TEXT), inner, max_size=6),
    ),
    max_leaves=25,
)


@pytest.fixture(scope="module")
def node() -> Iterator[NodeLines]:
    with node_lines(Path(__file__).parent / "verify.cjs") as running:
        yield running


def rewritten(node: NodeLines, document: bytes) -> bytes:
    return base64.b64decode(node.ask(base64.b64encode(document).decode()))


@pytest.mark.node
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
@example({"b": 1, "4294967294": 1, "4294967295": 2, "10": 1, "2": 1, "01": 5, "0": 9})
@example([123456789012345678, 1e21, 1e-7, 0.000001, 1.5e300, 2**53 + 1, -0.0, 5e-324, 1e20, 123.456])
@example('\ud800x\ud83d\ude00\x7f\u2028\x1f"\\/\udc00')
def test_javascript_writes_it_back_unchanged(node: NodeLines, document: object) -> None:
    canonical = canonical_json(document)
    assert rewritten(node, canonical) == canonical


@pytest.mark.node
@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_javascript_writes_them(node: NodeLines, number: float) -> None:
    assert canonical_json([number]) == rewritten(node, json.dumps([number]).encode())


@given(DOCUMENTS)
def test_nothing_is_lost_but_what_javascript_cannot_hold(document: object) -> None:
    def held(value: object) -> object:
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str):
            return json.loads(json.dumps(value))
        if isinstance(value, list):
            return [held(item) for item in value]
        assert isinstance(value, dict)
        return {held(key): held(item) for key, item in value.items()}

    assert held(json.loads(canonical_json(document))) == held(document)


def test_the_usual_payload_takes_the_fast_way() -> None:
    payload = {"event": "participant.joined", "data": {"tags": ["a", "ü"], "n": 4, "on": True, "x": None}}
    assert canonical_json(payload) == orjson.dumps(payload)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_json_number_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="number"):
        canonical_json({"n": number})


@pytest.mark.parametrize("value", [{1: 2}, {"a": object()}, {"a": b"bytes"}, {"a": {1, 2}}])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical_json(value)


def test_depth_is_bounded() -> None:
    deep: object = 1.5
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert canonical_json(deep).startswith(b"[[[")
    with pytest.raises(ValueError, match="nested"):
        canonical_json([deep])

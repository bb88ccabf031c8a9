"""Row filters: what passes, what does not, and what is refused."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rallypoint.realtime.rowfilter import BadFilter, like, parse_filter

COLUMNS = {
    "id": "uuid",
    "name": "text",
    "count": "int4",
    "share": "float8",
    "open": "bool",
    "at": "timestamptz",
    "tags": "_text",
}
ROW: dict[str, Any] = {
    "id": "r1",
    "name": "Deep work",
    "count": 3,
    "share": 0.5,
    "open": True,
    "at": "2025-11-07T14:00:00.500Z",
    "tags": ["a"],
    "left": None,
}


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("id=eq.r1", True),
        ("id=eq.r2", False),
        ("id=neq.r2", True),
        ("count=lt.10", True),
        ("count=lt.3", False),
        ("count=lte.3", True),
        ("count=gt.2", True),
        ("count=gte.4", False),
        ("share=gt.0.25", True),
        ("open=eq.true", True),
        ("open=eq.f", False),
        ("open=is.true", True),
        ("at=gt.2025-11-07T14:00:00Z", True),
        ("at=lt.2025-11-07T15:00:00.4+01:00", False),
        ("id=in.(r0,r1)", True),
        ("count=in.(1,2)", False),
        ('name=in.("Deep work",x)', True),
        ("name=like.Deep%", True),
        ("name=like.deep%", False),
        ("name=ilike.deep w_rk", True),
        ("name=like.*work", True),
        ("name=like.%p w%", True),
        ("name=like.%work%x", False),
        ("name=not.like.%x%", True),
        ("id=not.eq.r1", False),
        ("id=not.in.(r1)", False),
        ("name=is.null", False),
        ("name=not.is.null", True),
        ("count=gt.1,open=eq.true", True),
        ("count=gt.1,open=eq.false", False),
        ("id=in.(r1,r2),count=eq.3", True),
        ("name=eq.a,b", False),
    ],
)
def test_rows_pass_as_in_sql(text: str, passes: bool) -> None:
    assert parse_filter(text, COLUMNS).matches(ROW) is passes


@pytest.mark.parametrize("text", ["name=eq.x", "name=neq.x", "name=not.eq.x", "name=like.%", "count=gt.0"])
def test_null_passes_no_comparison(text: str) -> None:
    assert not parse_filter(text, COLUMNS).matches({"name": None})
    assert parse_filter("name=is.null", COLUMNS).matches({"name": None})


def test_values_of_another_type_in_a_row_do_not_pass() -> None:
    assert not parse_filter("count=gt.1", COLUMNS).matches({"count": "many"})
    assert not parse_filter("count=gt.1", COLUMNS).matches({"count": [1]})


@pytest.mark.parametrize(
    "text",
    [
        "undefined",
        "id",
        "id=r1",
        "id=same.r1",
        "secret=eq.1",
        "count=eq.many",
        "open=eq.perhaps",
        "at=gt.yesterday",
        "at=gt.2025-11-07T14:00:00",
        "id=in.r1",
        "id=is.r1",
        "id=eq." + "x" * 500,
    ],
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_filter(text, COLUMNS)


def test_like_does_not_backtrack() -> None:
    started = perf_counter()
    assert like("%a" * 60 + "b", ignore_case=False).fullmatch("a" * 5_000) is None
    assert perf_counter() - started < 1


@given(st.text(alphabet="ab%_", max_size=6), st.text(alphabet="ab", max_size=8))
def test_like_agrees_with_its_definition(pattern: str, text: str) -> None:
    def matches(p: str, t: str) -> bool:
        if not p:
            return not t
        if p[0] == "%":
            return any(matches(p[1:], t[i:]) for i in range(len(t) + 1))
        return bool(t) and p[0] in ("_", t[0]) and matches(p[1:], t[1:])

    assert (like(pattern, ignore_case=False).fullmatch(text) is not None) is matches(pattern, text)


@given(st.text(max_size=40))
def test_parser_takes_or_refuses_anything(text: str) -> None:
    try:
        wanted = parse_filter(text, COLUMNS)
    except BadFilter:
        return
    assert wanted.matches(ROW) in (True, False)

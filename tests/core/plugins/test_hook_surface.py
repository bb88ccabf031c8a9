"""The hooks are an interface: each is documented, its example runs, and a change to any shows in review."""

from __future__ import annotations

import asyncio
import doctest
import importlib
import inspect
import re
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
import structlog

from rallypoint import sdk
from rallypoint.plugins import hookspecs
from rallypoint.plugins.collect import make_context
from rallypoint.plugins.contributions import PluginSettings
from rallypoint.plugins.discovery import discover
from rallypoint.plugins.hooks import Hooks

SNAPSHOT = Path(__file__).parent / "hook_surface.txt"


def modules() -> list[ModuleType]:
    own = [item.manifest.hookspecs for item in discover() if item.is_core and item.manifest]
    return [hookspecs, *(importlib.import_module(name) for name in own if name)]


def specs() -> dict[str, FunctionType]:
    return {
        f"{module.__name__}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if hasattr(value, "rallypoint_spec")
    }


def surface() -> str:
    lines = []
    for name, spec in sorted(specs().items()):
        kind = "async def" if inspect.iscoroutinefunction(spec) else "def"
        since = re.search(r"^since: (\S+)$", inspect.getdoc(spec) or "", re.M)
        lines.append(f"{kind} {name}{inspect.signature(spec)} since {since and since[1]}")
    return "\n".join(lines) + "\n"


def test_the_surface_is_as_reviewed() -> None:
    assert surface() == SNAPSHOT.read_text(), f"the hooks changed; if that is meant, write it to {SNAPSHOT}"


@pytest.mark.parametrize("name", specs())
def test_a_hook_says_what_it_is_for_since_when_and_how(name: str) -> None:
    text = inspect.getdoc(specs()[name]) or ""
    summary = text.partition("\n")[0]
    assert summary.endswith("."), "a hook's contract begins with one sentence"
    assert re.search(r"^since: \d+\.\d+$", text, re.M)
    assert ">>> " in text


@pytest.mark.parametrize("name", specs())
def test_the_example_of_a_hook_runs_and_fits_the_hook(name: str, load_plugins: Any) -> None:
    spec = specs()[name]
    kernel = load_plugins()._kernel
    ctx = make_context("acme", kernel, PluginSettings())
    # What an author has at hand: the kit, what the domain's api.py exports, and the ctx of the hook.
    names = {**vars(importlib.import_module(spec.__module__)), **vars(sdk), **_typing(), "ctx": ctx}
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(spec) or "")
    code = "\n".join(example.source for example in examples)
    exec(compile(code, name, "exec", dont_inherit=True), names)
    implementation = names[spec.__name__]
    _register(spec, implementation)
    _call(implementation, ctx)


def _typing() -> dict[str, Any]:
    from collections.abc import Mapping, Sequence

    apis = (
        importlib.import_module(module.__name__.replace(".hookspecs", ".api")) for module in modules()[1:]
    )
    exported = {name: value for api in apis for name, value in vars(api).items()}
    return {"Mapping": Mapping, "Sequence": Sequence, "Any": Any, **exported}


def _register(spec: FunctionType, implementation: Any) -> None:
    hooks = Hooks()
    for module in modules()[1:]:
        hooks.add_specs("domain", module)
    plugin = ModuleType("acme")
    setattr(plugin, spec.__name__, implementation)
    hooks.register("acme", plugin)
    assert hooks.implementers(spec.__name__) == ["acme"]


def _call(implementation: Any, ctx: Any) -> None:
    event = structlog.testing.capture_logs
    known = {"ctx": ctx, "connection": None, "state": "connected", "event": _event()}
    with event():
        result = implementation(*(known[name] for name in inspect.signature(implementation).parameters))
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
    returns = inspect.signature(implementation).return_annotation
    assert (result is None) == (returns is None)


def _event() -> Any:
    from rallypoint.events.types import Event

    return Event("id", "participant.joined", "a", "live", "room:1", 1, ("room:1",), b"{}", 0)

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from rallypoint.plugins.context import ExtensionPoints, ServiceMissing
from rallypoint.plugins.hooks import HookMismatch, Hooks
from rallypoint.testing.install import install_plugin

SPECS = """
from rallypoint.sdk import hookspec

@hookspec
def register_greetings(ctx, language):
    \"\"\"Return greetings.\"\"\"
"""
GUEST = """
from rallypoint.sdk import hookimpl

@hookimpl
def register_greetings(ctx, language):
    return [ctx.name + " says hello in " + language]
"""
HOST = 'name = "host"\ntitle = "Host"\nhookspecs = "rallypoint_host.hookspecs"\n'


def module(code: str) -> ModuleType:
    made = ModuleType("acme")
    exec("from rallypoint.sdk import *\n" + code, vars(made))
    return made


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("@hookimpl\ndef startupp(ctx): ...", "startupp is no hook; a typo"),
        ("@hookimpl\ndef startup(ctx): ...", "startup must be an async function"),
        ("@hookimpl\nasync def register_tasks(ctx): ...", "register_tasks must be a plain function"),
        ("@hookimpl\nasync def startup(context): ...", "startup"),
        ("async def startup(ctx): ...", "startup is named like a hook and not marked @hookimpl"),
    ],
)
def test_an_implementation_that_does_not_fit_leaves_nothing_behind(code: str, problem: str) -> None:
    hooks = Hooks()
    good = "@hookimpl\nasync def shutdown(ctx): ...\n"
    with pytest.raises(HookMismatch, match=problem):
        hooks.register("acme", module(good + code))
    assert hooks.implementers("shutdown") == []
    hooks.register("acme", module(good))
    assert hooks.implementers("shutdown") == ["acme"]


def test_a_name_registers_once() -> None:
    hooks = Hooks()
    hooks.register("acme", module(""))
    with pytest.raises(HookMismatch, match="already registered"):
        hooks.register("acme", module("x = 1"))


def test_hooks_of_a_domain_must_be_new_and_marked() -> None:
    hooks = Hooks()
    with pytest.raises(HookMismatch, match="has no function marked @hookspec"):
        hooks.add_specs("host", module("def greet(): ..."))
    hooks.add_specs("host", module("@hookspec\ndef greet(): ..."))
    with pytest.raises(HookMismatch, match="the hook greet exists already, from host"):
        hooks.add_specs("other", module("@hookspec\ndef greet(): ..."))


async def test_a_plugin_can_be_extended_by_others_whatever_the_order(site: Path, load_plugins) -> None:
    install_plugin(site, "guest", GUEST)
    install_plugin(site, "host", manifest=HOST, files={"hookspecs.py": SPECS})
    plugins = load_plugins()
    assert await plugins.dispatch.collect("register_greetings", language="French") == [
        "guest says hello in French"
    ]
    assert plugins.board.get("guest").reason == ""


async def test_one_who_fails_to_contribute_is_left_out(site: Path, load_plugins) -> None:
    install_plugin(
        site, "bad", GUEST.replace("return [", "raise KeyError(").replace("language]", "language)")
    )
    install_plugin(site, "guest", GUEST)
    install_plugin(site, "host", manifest=HOST, files={"hookspecs.py": SPECS})
    plugins = load_plugins()
    points = ExtensionPoints()
    with pytest.raises(RuntimeError, match="before the plugins are loaded"):
        await points.collect("register_greetings", language="x")
    points.bind(plugins.dispatch)
    assert await points.collect("register_greetings", language="x") == ["guest says hello in x"]
    assert (plugins.board.get("bad").status, plugins.board.get("bad").stage) == (
        "degraded",
        "register_greetings",
    )


def test_a_hook_sleeps_and_says_so_while_its_owner_is_off(site: Path, load_plugins) -> None:
    code = "from rallypoint.sdk import hookimpl\n@hookimpl\ndef register_room_sources(ctx):\n    return []\n"
    install_plugin(site, "guest", code)
    plugins = load_plugins(disabled_plugins="rooms")
    status = plugins.board.get("guest")
    assert status.status == "active"
    assert status.reason == "asleep, because what calls them is not loaded: register_room_sources"
    assert plugins.board.get("rooms").status == "disabled"


def test_an_optional_hook_of_nobody_sleeps(site: Path, load_plugins) -> None:
    install_plugin(site, "guest", GUEST.replace("@hookimpl", "@hookimpl(optionalhook=True)"))
    assert "register_greetings" in load_plugins().board.get("guest").reason


def test_a_hook_sleeps_when_its_owner_is_dropped(site: Path, load_plugins) -> None:
    install_plugin(site, "guest", GUEST)
    install_plugin(site, "host", manifest=HOST, files={"hookspecs.py": SPECS})
    plugins = load_plugins()
    plugins.drop("host", "migration", "no")
    assert "register_greetings" in plugins.board.get("guest").reason


def test_hooks_that_cannot_be_imported_fail_their_owner_alone(site: Path, load_plugins) -> None:
    install_plugin(site, "host", manifest=HOST, files={"hookspecs.py": "raise ValueError('x')"})
    plugins = load_plugins()
    assert (plugins.board.get("host").status, plugins.board.get("host").stage) == ("failed", "import")
    assert plugins.board.get("rooms").status == "active"


def test_an_object_may_carry_the_hooks(site: Path, load_plugins) -> None:
    code = """
    from rallypoint.sdk import EventType, hookimpl

    class Acme:
        @hookimpl
        def register_events(self, ctx):
            return [EventType("acme.done", "Done")]

    acme = Acme()
    """
    install_plugin(site, "acme", code)
    (site / "rallypoint_acme-1.0.dist-info" / "entry_points.txt").write_text(
        "[rallypoint.plugins]\nacme = rallypoint_acme:acme\n"
    )
    (plugin,) = [plugin for plugin in load_plugins().loaded if plugin.name == "acme"]
    assert [event.name for event in plugin.contributions.events] == ["acme.done"]
    assert sys.modules["rallypoint_acme"].acme is plugin.module


@pytest.mark.parametrize(
    ("hook", "value", "problem"),
    [
        ("register_settings()", "int", "register_settings must return a PluginSettings class"),
        ("register_models()", "3", "register_models must return a module's name, not 3"),
        ("register_services(ctx)", "[1]", "register_services must return objects by their protocol"),
        ("register_services(ctx)", "{'name': 1}", "register_services must return objects by their protocol"),
        ("register_events(ctx)", "'abc'", "register_events must return a list of EventType, not 'abc'"),
        ("register_events(ctx)", "[None] * 1001", "register_events returned 1001 items; 1000 are allowed"),
        ("register_models()", "'rallypoint_acme.nowhere'", "ModuleNotFoundError: No module named"),
    ],
)
def test_what_a_registration_hook_may_not_return_is_said(site, load_plugins, hook, value, problem) -> None:
    install_plugin(
        site, "acme", f"from rallypoint.sdk import hookimpl\n@hookimpl\ndef {hook}:\n    return {value}\n"
    )
    status = load_plugins().board.get("acme")
    assert (status.status, status.stage) == ("failed", "registration")
    assert problem in status.reason


def test_services_are_offered_to_later_plugins_and_withdrawn(site: Path, load_plugins) -> None:
    hook = "from rallypoint.sdk import hookimpl\n@hookimpl\n"
    offer = hook + "def register_services(ctx):\n    return {S: S()}\nclass S: ...\n"
    use = (
        "from rallypoint_aaa import S\n"
        + hook
        + "def register_tasks(ctx):\n    ctx.service(S)\n    return []\n"
    )
    install_plugin(site, "aaa", offer)
    install_plugin(site, "bbb", use)
    plugins = load_plugins()
    assert plugins.board.get("bbb").status == "active"
    service = sys.modules["rallypoint_aaa"].S
    ctx = plugins.loaded[-1].ctx
    assert isinstance(ctx.service(service), service)
    plugins.drop("aaa", "migration", "no")
    with pytest.raises(ServiceMissing, match=r"no loaded plugin provides rallypoint_aaa\.S"):
        ctx.service(service)


def test_settings_with_a_variable_of_their_own_or_json_are_reported_by_it(
    site, load_plugins, monkeypatch
) -> None:
    code = """
    from pydantic import AliasChoices, Field
    from rallypoint.sdk import PluginSettings, hookimpl

    class Settings(PluginSettings):
        key: str = Field(validation_alias=AliasChoices("RALLYPOINT_ACME_KEY", "ACME_KEY"))
        fields: dict[str, str] = {}

    @hookimpl
    def register_settings():
        return Settings
    """
    install_plugin(site, "acme", code)
    status = load_plugins().board.get("acme")
    assert (status.status, status.reason) == ("needs_config", "RALLYPOINT_ACME_KEY: Field required")
    monkeypatch.setenv("RALLYPOINT_ACME_FIELDS", "{not json")
    status = load_plugins().board.get("acme")
    assert status.status == "needs_config"
    assert "fields" in status.reason
    assert "not json" not in status.reason

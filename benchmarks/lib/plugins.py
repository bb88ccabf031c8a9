"""Plugins for one server only: what pip would leave behind, put on its path and into no environment."""

from __future__ import annotations

from pathlib import Path

from lib.process import ROOT


def install(folder: Path, name: str, module: str) -> None:
    """Make a plugin discoverable for a process whose ``PYTHONPATH`` has ``folder``.

    Args:
        folder: Where metadata goes; the plugin's package is there or elsewhere on the path.
        name: Of the plugin.
        module: Its package.
    """
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rallypoint.plugins]\n{name} = {module}\n")


def bench_plugin(folder: Path) -> dict[str, str]:
    """Return the variables with which a server has the channel ``bench:<n>``."""
    install(folder, "bench", "rallypoint_bench")
    return {"PYTHONPATH": f"{folder}:{ROOT / 'plugin'}"}


PLUGIN = '''"""A small plugin, one of many alike."""

from __future__ import annotations

from pydantic import BaseModel

from rallypoint.sdk import PluginSettings, Reply, Routes, Task, hookimpl


class Settings(PluginSettings):
    api_url: str = "https://api.example.com"


class Hello(BaseModel):
    message: str


async def tick(connection) -> None:
    return None


@hookimpl
def register_settings():
    return Settings


@hookimpl
def register_routes(ctx):
    routes = Routes("/small/{name}", tag="{name}")

    @routes.add("GET", "/hello", summary="Say hello", replies={{200: Hello}})
    async def hello(call) -> Reply:
        return Reply(Hello(message=ctx.settings.api_url))

    return routes


@hookimpl
def register_tasks(ctx):
    return [Task("tick", every=3600, run=tick)]


@hookimpl
async def startup(ctx) -> None:
    ctx.log.debug("ready")
'''
MANIFEST = """name = "{name}"
title = "Small {name}"
summary = "Settings, a route, a task and a hook: what the smallest useful plugin has."
requires_rallypoint = ">=0.1,<1"
table_prefix = "{name}"
capabilities = ["example"]
docs = "/docs"

[[prefixes]]
path = "/small/{name}"
envelope = "data"
"""


def small_plugins(folder: Path, count: int) -> dict[str, str]:
    """Write ``count`` small plugins and return the variables with which a server has them."""
    for number in range(count):
        name = f"small{number}"
        module = f"rallypoint_{name}"
        package = folder / module
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(PLUGIN.format(name=name))
        (package / "plugin.toml").write_text(MANIFEST.format(name=name))
        install(folder, name, module)
    return {"PYTHONPATH": str(folder)}

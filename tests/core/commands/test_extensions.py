"""Commands that plugins add, and what help costs."""

from __future__ import annotations

import subprocess
import sys

from rallypoint.testing.install import install_plugin

MANIFEST = """
name = "greeter"
title = "Greeter"
commands = [
  {name = "greet", help = "Greet somebody.", target = "rallypoint_greeter.commands:greet"},
  {name = "bare", help = "Do it.", target = "rallypoint_greeter.commands:bare"},
  {name = "broken", help = "Never works.", target = "rallypoint_greeter.nowhere:at_all"},
  {name = "serve", help = "Not ours to take.", target = "rallypoint_greeter.commands:bare"},
]
"""
COMMANDS = """
import click

@click.command()
@click.option("--name", default="you", help="Who.")
def greet(name):
    click.echo(f"hello {name}")

def bare():
    click.echo("done")
"""


def test_they_are_listed_without_being_imported_and_run_when_called(rallypoint, site):
    install_plugin(site, "greeter", manifest=MANIFEST, files={"commands.py": COMMANDS})
    shown = rallypoint("--help").output
    assert "Greet somebody." in shown
    assert "Not ours to take." not in shown
    assert "rallypoint_greeter" not in sys.modules
    assert rallypoint("greet", "--name", "Ada").output == "hello Ada\n"
    assert "Usage: rallypoint greet" in rallypoint("greet", "--help").output
    assert rallypoint("bare").output == "done\n"
    assert "Serve the REST" in rallypoint("serve", "--help").output


def test_a_broken_one_says_so_and_an_unknown_one_is_an_error(rallypoint, site):
    install_plugin(site, "greeter", manifest=MANIFEST)
    broken = rallypoint("broken")
    assert (broken.exit_code, "rallypoint_greeter.nowhere:at_all" in broken.output) == (1, True)
    assert "No such command 'unheard-of'" in rallypoint("unheard-of").output


def test_help_imports_no_server():
    code = (
        "import sys; from rallypoint.cli import main; main(['--help'], standalone_mode=False);"
        "print([name for name in ('quart', 'tortoise', 'aiohttp', 'uvicorn', 'rich', 'copier', 'pytest')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

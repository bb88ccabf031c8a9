"""Every example in the README and the client's and operator's guides is run as it stands."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docs.markdown import ROOT, blocks
from rallypoint.testing.server import ServerProcess
from support.node import need_node, need_packages

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def own_server(tmp_path_factory):
    with ServerProcess(tmp_path_factory.mktemp("docs")) as running:
        yield running


def bash(script, server, **variables):
    env = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "RALLYPOINT_DATA_DIR": str(server.data_dir),
        "API": server.url,
        **variables,
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=env, cwd=server.data_dir, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readme_s_tour(own_server):
    (tour,) = blocks("README.md", "bash")
    printed = bash(tour.replace("http://127.0.0.1:8080", own_server.url), own_server)
    assert '"is_active":true' in printed
    assert "https://example.com/hook" in printed


@pytest.fixture(scope="module")
def client_variables(own_server):
    script = "\n".join(blocks("docs/api-clients.md", "bash"))
    printed = bash(script + "\necho; echo KEY=$KEY ROOM=$ROOM", own_server)
    assert '"name":"Late focus"' in printed
    return dict(pair.split("=", 1) for pair in printed.split("\n")[-2].split(" "))


def test_the_client_s_curl_examples(client_variables):
    assert client_variables["KEY"].startswith("rp_live_")


@pytest.mark.node
@pytest.mark.parametrize("number", range(3), ids=["socket.io", "phoenix", "supabase"])
def test_the_client_s_socket_examples(own_server, client_variables, number):
    code = blocks("docs/api-clients.md", "javascript")[number]
    values = {"API": own_server.url, **client_variables}
    constants = "".join(f"const {name} = {value!r};\n" for name, value in values.items())
    imports = "".join(line for line in code.splitlines(True) if line.startswith("import "))
    rest = "".join(line for line in code.splitlines(True) if not line.startswith("import "))
    done = subprocess.run(
        [need_node(), "--input-type=module", "-e", imports + constants + rest],
        cwd=need_packages(), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_webhook_example_verifies():
    from rallypoint.webhooks import signing

    (code,) = blocks("docs/api-clients.md", "python")
    secret, body = signing.new_secret(), b'{"event":"room.created"}'
    headers = signing.headers([secret], "msg_1", int(time.time()), body)
    exec(code, {"secret": secret, "body": body, "headers": headers})


def test_the_operator_s_commands(own_server):
    printed = bash("\n".join(blocks("docs/operators/README.md", "bash")), own_server)
    assert "focusmate" in printed
    assert (own_server.data_dir / "backup.tar.gz").exists()


def test_the_operator_s_guide_lists_every_setting_as_it_is():
    guide = (ROOT / "docs" / "operators" / "README.md").read_text()
    namespace = runpy.run_path(str(ROOT / "tools" / "settings_table.py"))
    assert namespace["table"]() in guide, "run: python tools/settings_table.py"

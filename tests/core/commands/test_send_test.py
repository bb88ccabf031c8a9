"""``rallypoint webhooks send-test`` against receivers of every kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rallypoint.webhooks import signing

SECRET = signing.new_secret()


class Receiver(BaseHTTPRequestHandler):
    """Takes what is signed with the secret, and nothing else."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = signing.verify(SECRET, body, self.headers[signing.SIGNATURE])
        self.send_response(200 if genuine else 401)
        self.end_headers()
        self.wfile.write(b"thanks" if genuine else b"who are you?")

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


def send(rallypoint, *arguments):
    return rallypoint("webhooks", "send-test", *arguments, RALLYPOINT_ALLOW_PRIVATE_TARGETS="1")


def test_a_delivery_signed_with_the_shared_secret_is_taken(rallypoint, receiver):
    done = send(rallypoint, receiver, "--secret", SECRET)
    assert done.exit_code == 0
    assert done.output.startswith("200 after")
    assert done.output.endswith("taken\nthanks\n")
    assert "whsec_" not in done.output


def test_a_fresh_secret_is_printed_and_a_refusal_said(rallypoint, receiver):
    done = send(rallypoint, receiver)
    assert done.output.startswith("Signed with the secret whsec_")
    assert "401 after" in done.output
    assert "only 2xx counts\nwho are you?" in done.output


def test_a_receiver_that_is_not_there_is_said(rallypoint, receiver):
    host, _, _ = receiver.rpartition(":")
    assert "No answer after" in send(rallypoint, f"{host}:9/hook").output


def test_private_addresses_are_refused_unless_allowed(rallypoint):
    done = rallypoint("webhooks", "send-test", "http://127.0.0.1/hook")
    assert (done.exit_code, "must be an https URL" in done.output) == (1, True)

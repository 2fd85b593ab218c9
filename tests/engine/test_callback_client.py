"""The client that answers callbacks: through boto3, and without it."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from durable_lambda.client import CallbackClient
from durable_lambda.errors import BackendError

CALLBACK_ID = "AAAA+/=="


@pytest.fixture
def server():
    """A server that answers everything with an empty object, and remembers what it was asked."""
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = asked
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_answers_travel_in_the_services_form_without_an_account_to_an_engine_on_this_machine(server, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    client = CallbackClient(f"http://127.0.0.1:{server.server_port}")
    client.send_success(CALLBACK_ID, {"b": 1, "a": None})
    client.send_failure(CALLBACK_ID, "declined")
    client.send_heartbeat(CALLBACK_ID)
    place = "/2025-12-01/durable-execution-callbacks/AAAA%2B%2F%3D%3D"
    assert server.asked == [
        (f"{place}/succeed", b'{"a":null,"b":1}'),
        (f"{place}/fail", b'{"ErrorMessage": "declined"}'),
        (f"{place}/heartbeat", b""),
    ]
    client._channel._client.close()


def test_without_boto3_the_error_tells_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(BackendError, match=r"pip install 'durable-lambda\[aws\]'"):
        CallbackClient()

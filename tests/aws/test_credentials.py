"""Credentials from each source of the standard chain, and TLS with an authority of one's own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.tokens import SSOTokenProvider

from aws.tls import Certificate, make_certificate
from durable_lambda.backends import AwsBackend
from durable_lambda.backends.connections import Connections
from durable_lambda.backends.messages import Request
from durable_lambda.backends.settings import resolve_endpoint

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f:1/durable-execution/a/b"

pytestmark = pytest.mark.usefixtures("no_aws")


HERE = "127.0.0.2"
"""This machine, under an address that the backend does not take for it: so that it asks the chain."""


Seen = list[dict[str, str]]
"""The headers of the requests that a server got, in lower case."""


@contextmanager
def server(answers: dict[str, Any], context: ssl.SSLContext | None = None) -> Iterator[tuple[str, Seen]]:
    """Answers by a part of the path; gives its address, and the headers of the requests that it gets."""
    seen: Seen = []

    class Handler(BaseHTTPRequestHandler):
        timeout = 2

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append({name.lower(): value for name, value in self.headers.items()})
            answer = next((answer for part, answer in answers.items() if part in self.path), {"NewExecutionState": {}})
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    http = HTTPServer((HERE, 0), Handler)
    if context is not None:
        http.socket = context.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"{'http' if context is None else 'https'}://{HERE}:{http.server_port}", seen
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def key_of_a_checkpoint(url: str, seen: Seen) -> str:
    """The access key that a checkpoint is signed with."""
    with contextlib.closing(AwsBackend("eu-west-1", url)) as backend:
        asyncio.run(backend.checkpoint(ARN, "token", []))
    return seen[-1]["authorization"].partition("Credential=")[2].partition("/")[0]


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the configuration file, whose profile `work` is in use."""
    file = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "work")
    return lambda text: (file.write_text(text), None)[1]


def test_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with server({}) as (url, seen):
        assert key_of_a_checkpoint(url, seen) == "ENV"


def test_keys_of_a_profile(profile: Callable[[str], None]) -> None:
    profile("[profile work]\naws_access_key_id = FILE\naws_secret_access_key = secret\n")
    with server({}) as (url, seen):
        assert key_of_a_checkpoint(url, seen) == "FILE"


def test_keys_that_a_program_tells(profile: Callable[[str], None]) -> None:
    told = json.dumps({"Version": 1, "AccessKeyId": "PROGRAM", "SecretAccessKey": "secret"})
    profile(f"[profile work]\ncredential_process = echo '{told}'\n")
    with server({}) as (url, seen):
        assert key_of_a_checkpoint(url, seen) == "PROGRAM"


def test_keys_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        "AccessKeyId": "CONTAINER",
        "SecretAccessKey": "secret",
        "Token": "session",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    with server({"/role": keys}) as (url, seen):
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/role")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me in")
        assert key_of_a_checkpoint(url, seen) == "CONTAINER"
    assert seen[0]["authorization"] == "let me in"
    assert seen[1]["x-amz-security-token"] == "session"


def test_keys_of_a_profile_that_signs_in_with_identity_center(
    profile: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile(
        "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n"
        "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.awsapps.com/start\n"
    )
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"accessToken": "signed in", "expiresAt": "2099-01-01T00:00:00Z"}
    (cache / f"{hashlib.sha1(b'corp').hexdigest()}.json").write_text(json.dumps(token))
    keys = {"accessKeyId": "SSO", "secretAccessKey": "secret", "sessionToken": "s", "expiration": 4_000_000_000_000}
    monkeypatch.setattr(SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(cache))  # botocore looks for it on import
    with server({"/federation/credentials": {"roleCredentials": keys}}) as (url, seen):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", url)
        assert key_of_a_checkpoint(url, seen) == "SSO"
    assert seen[0]["x-amz-sso_bearer_token"] == "signed in"


def test_a_server_whose_certificate_is_not_trusted_is_not_talked_to(
    monkeypatch: pytest.MonkeyPatch, certificate: Certificate, tmp_path: Path
) -> None:
    another = make_certificate(tmp_path)
    with server({}, certificate.context()) as (url, seen):
        transport = Connections(resolve_endpoint("eu-west-1", url, {}), 0.5, 0.5, str(another.path))
        with pytest.raises(ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            asyncio.run(transport.send(Request("GET", "/", [("Host", "x")], b"")))
    assert seen == []

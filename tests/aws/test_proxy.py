"""`AwsBackend` through a proxy that the environment names, as boto3 would go."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator

import msgspec
import pytest
from botocore.utils import get_environ_proxies

from aws.lambda_service import LambdaService
from aws.tunnels import TunnelProxy
from durable_lambda import DurableContext, ValidationError, durable_execution
from durable_lambda.backends import AwsBackend
from durable_lambda.backends.proxy import proxy_for
from durable_lambda.backends.settings import resolve_endpoint

pytestmark = pytest.mark.usefixtures("keys")

BEHIND = "127.0.0.2"
"""A host that does not count as this machine; the service does not listen there."""


@pytest.fixture
def proxy(secure_service: LambdaService, monkeypatch: pytest.MonkeyPatch) -> Iterator[TunnelProxy]:
    with TunnelProxy(int(secure_service.url.rpartition(":")[2])).running() as running:
        monkeypatch.setenv("HTTPS_PROXY", f"http://mole:to%40day@{running.address}")
        yield running


@pytest.fixture
def backend(proxy: TunnelProxy) -> Iterator[AwsBackend]:
    made = AwsBackend(endpoint_url=f"https://{BEHIND}:{proxy.leads_to}")
    yield made
    made.close()


def test_all_requests_go_through_one_tunnel_with_tls_to_its_end(
    backend: AwsBackend, proxy: TunnelProxy, secure_service: LambdaService
) -> None:
    @durable_execution(backend=backend)
    async def handler(event: object, ctx: DurableContext) -> None:
        await ctx.step("charge", lambda: "paid")
        await ctx.wait("cool-down", 60)

    assert handler(msgspec.to_builtins(secure_service.next_event())) == {"Status": "PENDING"}
    assert len(secure_service.requests) == 2
    [(line, *headers)] = proxy.asked
    assert line == f"CONNECT {BEHIND}:{proxy.leads_to} HTTP/1.1"
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'mole:to@day').decode()}" in headers


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "refused a tunnel to .* with 407"),
        (b"", "hung up|gave no answer"),
        (b"220 mail.example.com ESMTP\r\n\r\n", "gave no answer in HTTP"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_told_without_the_password(
    backend: AwsBackend, proxy: TunnelProxy, monkeypatch: pytest.MonkeyPatch, answer: bytes, told: str
) -> None:
    monkeypatch.setattr("durable_lambda.backends.aws.MAX_ATTEMPTS", 1)
    proxy.answer = answer
    with pytest.raises(ConnectionError, match=told) as caught:
        asyncio.run(backend.get_execution_state("arn", "token", "0", 1))
    assert proxy.address in str(caught.value)
    assert "day" not in str(caught.value)


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("exceptions_in", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("exceptions", ["", "*", "amazonaws.com", ".amazonaws.com", "x.com, lambda.eu-west-1.api.aws"])
@pytest.mark.parametrize("url", ["https://lambda.eu-west-1.amazonaws.com", "https://lambda.eu-west-1.api.aws:8443"])
def test_a_proxy_is_taken_where_boto3_takes_one(
    monkeypatch: pytest.MonkeyPatch, url: str, exceptions: str, exceptions_in: str, name: str
) -> None:
    environ = {name: "http://proxy.internal:3128", exceptions_in: exceptions}
    for each, value in environ.items():
        monkeypatch.setenv(each, value)
    taken = proxy_for(resolve_endpoint("eu-west-1", url, {}), environ)
    assert (taken is not None) == ("https" in get_environ_proxies(url))


@pytest.mark.parametrize("url", ["https://127.0.0.1:9000", "https://localhost", "http://emulator:9000"])
def test_this_machine_and_what_has_no_tls_is_reached_directly(url: str) -> None:
    assert proxy_for(resolve_endpoint(None, url, {"AWS_REGION": "eu-west-1"}), {"HTTPS_PROXY": "http://p:1"}) is None


def test_a_proxy_may_be_named_without_a_scheme_and_shows_no_password() -> None:
    proxy = proxy_for(resolve_endpoint("eu-west-1", None, {}), {"HTTPS_PROXY": "mole:secret@proxy.internal:3128"})
    assert repr(proxy) == "Proxy('proxy.internal', 3128)"


@pytest.mark.parametrize("wrong", ["https://proxy:3128", "socks5://proxy:1080", "http://", "http://proxy:port"])
def test_what_is_no_http_proxy_is_refused_when_the_backend_is_made(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", wrong)
    with pytest.raises(ValidationError, match="HTTPS_PROXY has to be"):
        AwsBackend(region="eu-west-1")

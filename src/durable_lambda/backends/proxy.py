"""A tunnel through an HTTP proxy, where the environment names one: `HTTPS_PROXY`, with `NO_PROXY` for exceptions.

The proxy is asked once for each connection (`CONNECT`); TLS goes through it to the other end, so it sees the endpoint's
name and nothing of what is said.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

import h11
import msgspec

from durable_lambda.backends.settings import Endpoint
from durable_lambda.backends.streams import Stream
from durable_lambda.errors import ValidationError

_CHUNK: Final = 65_536


class Proxy(msgspec.Struct, frozen=True):
    """Where the proxy is, and what it is told of who asks."""

    host: str
    port: int
    authorization: str | None = None

    def __repr__(self) -> str:
        return f"Proxy({self.host!r}, {self.port})"  # no password

    async def open_tunnel(self, stream: Stream, endpoint: Endpoint) -> None:
        """Have the proxy, at the other end of the stream, pass on all that follows.

        Raises:
            ConnectionError: It refused, hung up, or does not speak HTTP.
        """
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        target = f"{host}:{endpoint.port}"
        headers = [("Host", target)]
        if self.authorization is not None:
            headers.append(("Proxy-Authorization", self.authorization))
        http = h11.Connection(h11.CLIENT)
        sent = http.send(h11.Request(method="CONNECT", target=target, headers=headers))
        await stream.send((sent or b"") + (http.send(h11.EndOfMessage()) or b""))
        try:
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(await stream.receive(_CHUNK))
        except h11.ProtocolError as error:
            raise ConnectionError(f"the proxy {self.host}:{self.port} gave no answer in HTTP: {error}") from error
        if not isinstance(event, h11.Response):
            raise ConnectionError(f"the proxy {self.host}:{self.port} hung up instead of making a tunnel to {target}")
        if not 200 <= event.status_code < 300:
            text = f"the proxy {self.host}:{self.port} refused a tunnel to {target} with {event.status_code}"
            raise ConnectionError(text)


def proxy_for(endpoint: Endpoint, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that leads to an endpoint; `None`: it is reached directly, as is all that has no TLS or is here.

    Raises:
        ValidationError: The variable has no URL of an HTTP proxy.
    """
    url = environ.get("https_proxy") or environ.get("HTTPS_PROXY")
    if not url or endpoint.scheme != "https" or endpoint.is_loopback:
        return None
    # Late: only behind a proxy.
    from urllib.request import (
        proxy_bypass_environment,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
    )

    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if proxy_bypass_environment(endpoint.authority, {"no": exceptions}):
        return None
    return _parse(url)


def _parse(url: str) -> Proxy:
    wrong = "HTTPS_PROXY has to be the URL of an HTTP proxy, such as 'http://proxy.internal:3128'"
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValidationError(wrong) from error
    if parts.scheme != "http" or not host:
        raise ValidationError(wrong)
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Proxy(host, port or 80, authorization)

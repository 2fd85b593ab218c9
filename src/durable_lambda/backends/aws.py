"""`AwsBackend`: the two calls of the service, over HTTP with a signature.

A request that is sent again carries the same client token, so that the service answers it as the first one: an answer
that was lost is not a checkpoint that was lost.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from durable_lambda.backends.answers import read_checkpoint, read_state
from durable_lambda.backends.connections import Connections
from durable_lambda.backends.messages import Answer, Request, StaleConnectionError
from durable_lambda.backends.retrying import delay_before_retry, is_worth_a_retry
from durable_lambda.backends.settings import Endpoint, resolve_endpoint
from durable_lambda.errors import ValidationError
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.updates import OperationUpdate

if TYPE_CHECKING:
    from durable_lambda.backends.proxy import Proxy
    from durable_lambda.backends.signing import Signer

T = TypeVar("T")

MAX_ATTEMPTS: Final = 5
_USER_AGENT: Final = "durable-lambda"
_EXECUTIONS: Final = "/2025-12-01/durable-executions/"

_encoder = msgspec.json.Encoder()


class _Checkpoint(msgspec.Struct, rename="pascal"):
    checkpoint_token: str
    updates: Sequence[OperationUpdate]
    client_token: str


class AwsBackend:
    """Checkpoints to AWS Lambda. A function that Lambda invokes has one unless it is given another.

    Connections are kept for the life of the object, whatever loops and threads use it.

    Args:
        region: Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, else the region of the profile.
        endpoint_url: Another server of the API. Default: `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL`, else AWS. A
            server on this machine needs neither a region nor credentials.
        timeout: Seconds that the answer to one request may take. Default 15.
        connect_timeout: Seconds that a connection may take. Default 5.

    Raises:
        ValidationError: No region is known, or the endpoint or `HTTPS_PROXY` is no URL.

    Example:
        @durable_execution(backend=AwsBackend(region="eu-west-1"))
        async def handler(order: Order, ctx: DurableContext) -> Receipt: ...
    """

    def __init__(
        self,
        region: str | None = None,
        endpoint_url: str | None = None,
        *,
        timeout: float = 15.0,
        connect_timeout: float = 5.0,
    ) -> None:
        if not (timeout > 0 and connect_timeout > 0):
            raise ValidationError(f"a time-out is seconds above 0, not {timeout!r} and {connect_timeout!r}")
        self._endpoint = resolve_endpoint(region, endpoint_url, os.environ)
        authorities = os.environ.get("AWS_CA_BUNDLE")
        proxy = _proxy(self._endpoint)
        self._connections = Connections(self._endpoint, timeout, connect_timeout, authorities, proxy)
        self._signer = _signer(self._endpoint)

    def __repr__(self) -> str:
        return f"AwsBackend(region={self._endpoint.region!r}, host={self._endpoint.authority!r})"

    async def checkpoint(
        self,
        arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None = None,
    ) -> CheckpointResponse:
        """Store all updates or none, with up to five attempts.

        Raises:
            ServiceError: The service refused it, or failed every time.
            OSError: The service could not be reached, or did not answer in time, every time.
            BackendError: There are no credentials.
        """
        body = _encoder.encode(_Checkpoint(checkpoint_token, updates, client_token or os.urandom(16).hex()))
        return await self._call("POST", f"{_EXECUTIONS}{quote(arn, safe='')}/checkpoint", body, read_checkpoint)

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        """A page of operations. Raises as `checkpoint` does."""
        query = urlencode(
            {"CheckpointToken": checkpoint_token, "Marker": marker, "MaxItems": max_items}, quote_via=quote
        )
        return await self._call("GET", f"{_EXECUTIONS}{quote(arn, safe='')}/state?{query}", b"", read_state)

    def close(self) -> None:
        """Close the connections that are kept; the next request opens another. In Lambda there is no need to."""
        self._connections.close()

    async def _call(self, method: str, target: str, body: bytes, read: Callable[[Answer], T]) -> T:
        attempt = 0
        has_learned = False
        while True:
            attempt += 1
            answer: Answer | None = None
            try:
                answer = await self._exchange(method, target, body)
                return read(answer)
            except StaleConnectionError:
                attempt -= 1  # there are only so many idle ones
                continue
            except (ServiceError, OSError) as error:
                if answer is not None and isinstance(error, ServiceError) and not has_learned and self._signer:
                    has_learned = self._signer.learn(answer.status, answer.headers.get("date"), error.code)
                    if has_learned:
                        attempt -= 1
                        continue
                if attempt >= MAX_ATTEMPTS or not is_worth_a_retry(error):
                    raise
                retry_after = answer.headers.get("retry-after") if answer is not None else None
                delay = delay_before_retry(attempt, error, retry_after, random.random)
            await asyncio.sleep(delay)

    async def _exchange(self, method: str, target: str, body: bytes) -> Answer:
        headers = [("Host", self._endpoint.authority), ("User-Agent", _USER_AGENT)]
        if body:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if trace := os.environ.get("_X_AMZN_TRACE_ID"):  # of the present invocation, from the runtime client
            headers.append(("X-Amzn-Trace-Id", trace))
        request = Request(method, self._endpoint.path + target, headers, body)
        if self._signer is not None:
            await self._signer.sign(request)
        return await self._connections.send(request)


def _signer(endpoint: Endpoint) -> Signer | None:
    """Who signs; nobody for a server on this machine, unless the environment has keys."""
    if endpoint.is_loopback and "AWS_ACCESS_KEY_ID" not in os.environ:
        return None
    from durable_lambda.backends.signing import Signer  # late: a local server needs none

    return Signer(endpoint.region, os.environ)


def _proxy(endpoint: Endpoint) -> Proxy | None:
    """What leads to the endpoint, where the environment names a proxy."""
    if "HTTPS_PROXY" not in os.environ and "https_proxy" not in os.environ:
        return None
    from durable_lambda.backends.proxy import proxy_for  # late: most functions have none

    return proxy_for(endpoint, os.environ)


_default: AwsBackend | None = None
_default_lock = threading.Lock()


def default_backend() -> AwsBackend:
    """The one of this process, as the environment says; made when it is first needed."""
    global _default  # noqa: PLW0603  # connections are kept for the life of the process
    with _default_lock:
        if _default is None:
            _default = AwsBackend()
        return _default

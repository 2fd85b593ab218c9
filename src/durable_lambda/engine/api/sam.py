"""The slot that SAM CLI keeps for another emulator (`DURABLE_EXECUTIONS_EXTERNAL_EMULATOR_PORT`).

SAM starts executions by a call of its own, and runs the functions itself, behind an Invoke endpoint that it names in
the call. All else that it asks for is the service's API.
"""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from durable_lambda.engine.api.access import is_near
from durable_lambda.engine.api.call import Call
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.api.wire import arn_of
from durable_lambda.engine.host import Host
from durable_lambda.engine.invoker import Registration
from durable_lambda.engine.machine.batch import refuse
from durable_lambda.engine.remote.endpoint import DurableEndpointFunction, InvokeEndpoint
from durable_lambda.engine.requests import start_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.errors import ExecutionAlreadyStartedError
from durable_lambda.protocol import limits
from durable_lambda.protocol.errors import DurableExecutionAlreadyStartedException

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
_Timeout = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_EXECUTION_TIMEOUT_SECONDS)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_RETENTION_DAYS)]
DAY_MS = 86_400_000


class StartRequest(msgspec.Struct, rename="pascal"):
    function_name: _Name
    execution_name: _Name | None = None
    execution_timeout_seconds: _Timeout = limits.MAX_EXECUTION_TIMEOUT_SECONDS
    execution_retention_period_days: _Days = limits.DEFAULT_RETENTION_DAYS
    input: Any = None
    """A text that is JSON, or the value itself."""
    lambda_endpoint: str | None = None


async def start(gateway: Gateway, call: Call) -> Reply:
    """Start an execution of a function that is hosted, or that the given endpoint runs."""
    request = await call.json(StartRequest, 2 * limits.MAX_EXECUTION_PAYLOAD)
    payload = request.input if isinstance(request.input, str) else json.dumps(request.input)

    def act(host: Host) -> ExecutionRow:
        if request.lambda_endpoint is not None:
            _host(host, request, request.lambda_endpoint)
        return start_execution(host, request.function_name, payload, request.execution_name)

    try:
        row = await gateway.ask(act)
    except ExecutionAlreadyStartedError as error:
        raise DurableExecutionAlreadyStartedException(str(error)) from None
    return as_json({"ExecutionArn": arn_of(row)}, 201)


def _host(host: Host, request: StartRequest, endpoint: str) -> None:
    known = host.functions.get(request.function_name)
    if known is not None and not isinstance(known.function, DurableEndpointFunction):
        return
    if not is_near(urlsplit(endpoint).hostname or ""):
        raise refuse(f"The functions of {endpoint!r} run on another machine: name them when the server is started.")
    host.register(
        Registration(
            request.function_name,
            DurableEndpointFunction(InvokeEndpoint(endpoint), request.function_name),
            request.execution_timeout_seconds,
            limits.MAX_INVOCATION_TIMEOUT_SECONDS,
            request.execution_retention_period_days * DAY_MS,
        )
    )

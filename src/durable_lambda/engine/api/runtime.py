"""The Lambda Runtime API: how a runtime client fetches invocations and posts what became of them.

A function's clients find it under `/runtime/NAME/2018-06-01/…`, or on a port of its own without the prefix, for clients
whose `AWS_LAMBDA_RUNTIME_API` can only be a host and a port.
"""

from __future__ import annotations

import time
from typing import Final

from durable_lambda.engine.api.call import Call
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.host import Host
from durable_lambda.engine.remote.event import function_error
from durable_lambda.engine.remote.outlet import Assignment, Outlet, OutletFunction
from durable_lambda.protocol.errors import ResourceNotFoundException
from durable_lambda.protocol.limits import MIB

MAX_ANSWER: Final = 7 * MIB
WORKER_HEADER: Final = "x-durable-worker"


async def fetch(gateway: Gateway, call: Call) -> Reply:
    """The next invocation; the answer takes until there is one."""
    name, worker = call.path["FunctionName"], call.headers.get(WORKER_HEADER)

    async def wait(host: Host) -> Assignment:
        return await _outlet(host, name).fetch(worker)

    assignment = await call.while_connected(gateway.perform(wait))
    context = assignment.context
    headers = {
        "lambda-runtime-aws-request-id": assignment.request_id,
        "lambda-runtime-deadline-ms": str(round(time.time() * 1000) + context.get_remaining_time_in_millis()),
        "lambda-runtime-invoked-function-arn": context.invoked_function_arn,
    }
    if context.tenant_id is not None:
        headers["lambda-runtime-aws-tenant-id"] = context.tenant_id
    return Reply(body=assignment.event, headers=headers)


async def respond(gateway: Gateway, call: Call) -> Reply:
    """An invocation's answer."""
    name, request_id, body = call.path["FunctionName"], call.path["RequestId"], await call.body(MAX_ANSWER)
    await gateway.peek(lambda host: _outlet(host, name).answer(request_id, body))
    return as_json({"status": "OK"}, 202)


async def fail(gateway: Gateway, call: Call) -> Reply:
    """An invocation's error."""
    name, request_id = call.path["FunctionName"], call.path["RequestId"]
    error = function_error(await call.body(MAX_ANSWER))
    await gateway.peek(lambda host: _outlet(host, name).fail(request_id, error))
    return as_json({"status": "OK"}, 202)


async def fail_init(gateway: Gateway, call: Call) -> Reply:
    """A runtime that could not load its function: what waits for it fails with that."""
    name, error = call.path["FunctionName"], function_error(await call.body(MAX_ANSWER))
    await gateway.peek(lambda host: _outlet(host, name).fail_next(error))
    return as_json({"status": "OK"}, 202)


def _outlet(host: Host, name: str) -> Outlet:
    registration = host.functions.get(name)
    if registration is None or not isinstance(registration.function, OutletFunction):
        raise ResourceNotFoundException(f"There is no function {name!r} that is served over the Runtime API.")
    return registration.function.outlet

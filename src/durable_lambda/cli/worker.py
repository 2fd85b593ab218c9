"""A worker process of `durable serve --workers`: fetches invocations of its functions, one at a time, and runs them.

Started by `cli/workers.py` and by nobody else. It ends with its parent: its standard input is a pipe that closes then.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from contextvars import Context
from typing import Any, Final

import msgspec

from durable_lambda.cli.collector import collect_seldom
from durable_lambda.cli.hosting import load_targets
from durable_lambda.engine.api.runtime import WORKER_HEADER
from durable_lambda.engine.remote.backend import HttpBackend
from durable_lambda.engine.remote.http import HttpClient
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol.hosting import DurableFunction
from durable_lambda.protocol.invocation import parse_invocation
from durable_lambda.protocol.limits import MIB

MAX_EVENT: Final = 64 * MIB
TOKEN_VARIABLE: Final = "DURABLE_WORKER_TOKEN"
"""In the environment, where nobody else sees it."""


class WorkerContext:
    """What a Lambda handler calls `context`, as far as it has a meaning here."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.function_name = self.invoked_function_arn.split(":")[6]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = "128"
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._ends_at = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the process is ended."""
        return max(0, self._ends_at - round(time.time() * 1000))


async def serve(url: str, worker: str, functions: dict[str, DurableFunction]) -> None:
    """Run invocations until the engine is gone."""
    loop = asyncio.get_running_loop()
    token = os.environ.pop(TOKEN_VARIABLE, None)
    headers = {WORKER_HEADER: worker, **({"authorization": f"Bearer {token}"} if token else {})}
    client = HttpClient(url, max_reply=MAX_EVENT)
    backend = HttpBackend(url, token=token)
    prefix = f"/runtime/{next(iter(functions))}/2018-06-01/runtime/invocation"
    while True:
        reply = await client.request("GET", f"{prefix}/next", headers=headers)
        if reply.status != 200:
            raise OSError(f"the engine answered {reply.status}: {reply.body[:200]!r}")
        context = WorkerContext(dict(reply.headers))
        function = functions[context.function_name]
        try:
            invocation = parse_invocation(json.loads(reply.body))
            work = function.invoke(invocation, backend, context)
            output = await loop.create_task(work, context=Context())  # an invocation has a context of its own
            path, body = "response", msgspec.json.encode(output)
        except Exception as error:
            traceback.print_exc()
            path, body = "error", _describe(error)
        await client.request("POST", f"{prefix}/{context.aws_request_id}/{path}", body, headers)


def _describe(error: BaseException) -> bytes:
    told: dict[str, Any] = {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }
    return msgspec.json.encode(told)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main(arguments: list[str]) -> None:
    """`URL WORKER [NAME=]TARGET…`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    functions = load_targets(arguments[2:])
    collect_seldom()
    loop = InvocationLoop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(serve(arguments[0], arguments[1], functions))
    except (OSError, KeyboardInterrupt) as error:
        sys.exit(f"worker {arguments[1]}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""`serve_lambda`: a durable function as the process that Lambda starts, without a handler string.

The runtime client of AWS (`awslambdaric`) fetches the invocations; this only hands it the function. It fetches on a
thread, so that the main thread can take a SIGTERM, which otherwise waits until the next invocation has come.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Final, cast

from durable_lambda.errors import ValidationError
from durable_lambda.handler import Handler, durable_execution

entry_point: Callable[[Any, Any], Any] | None = None
"""What is served. The runtime client looks its function up by the name of a module's member, which is this one."""

_RUNTIME_API: Final = "AWS_LAMBDA_RUNTIME_API"


def serve_lambda(function: Handler[Any, Any] | Callable[..., Any]) -> None:
    """Serve a durable function to the Lambda Runtime API: the entry point of a container. Does not return.

    SIGTERM ends the process at once, also in the middle of an invocation. Nothing durable is lost: what was
    checkpointed is stored, and an invocation that was cut off is made again, as after any crash. Log records are
    flushed before.

    Args:
        function: A durable function, or an `async def handler(event, ctx)` to make one of.

    Raises:
        ValidationError: The function is no durable function, or this process was not started by Lambda.
        ImportError: The runtime client is not installed.

    Example:
        if __name__ == "__main__":
            serve_lambda(handler)
    """
    global entry_point  # noqa: PLW0603  # one process serves one function
    entry_point = cast("Any", function) if isinstance(function, Handler) else durable_execution(function)
    if not os.environ.get(_RUNTIME_API):
        raise ValidationError(
            f"{_RUNTIME_API} is not set: serve_lambda() runs where Lambda starts the process. To run the function on "
            "this machine use `durable run`"
        )
    try:
        # late: a function that Lambda resolves by its name has the runtime client already
        from awslambdaric import bootstrap  # pyright: ignore[reportMissingTypeStubs]
        from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise ImportError(
            "serve_lambda() needs the Lambda runtime client: pip install 'durable-lambda[lambda]'"
        ) from error
    signal.signal(signal.SIGTERM, _end_process)
    client: Any = LambdaRuntimeClient(os.environ[_RUNTIME_API], use_thread_for_polling_next=True)
    bootstrap.run(f"{__name__}.entry_point", client)  # pyright: ignore[reportUnknownMemberType]


def _end_process(*_: object) -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the thread that waits for an invocation could not be joined

"""`CloudTestRunner`: the same tests against a function that is deployed, or against a server of the Lambda API.

What a run tells is what `DurableRun` tells, and callbacks are answered by the same names. Time is real: nothing is
skipped, and `advance` is refused. So a test that has neither stubs nor `advance` can run here and there.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from durable_lambda.engine.machine import records
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.values import error_of
from durable_lambda.errors import BackendError, ValidationError
from durable_lambda.payloads import encode_value
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.testing.loops import run_awaited
from durable_lambda.testing.recorded import events_of, operations_of
from durable_lambda.testing.view import RunView

_ENDS: Final[dict[str, type[ExecutionEnded]]] = {
    "ExecutionSucceeded": records.ExecutionSucceeded,
    "ExecutionFailed": records.ExecutionFailed,
    "ExecutionTimedOut": records.ExecutionTimedOut,
    "ExecutionStopped": records.ExecutionStopped,
}


class CloudTestRunner:
    """Runs a deployed durable function.

    ```python
    run = CloudTestRunner("orders:live").run({"order_id": "order-42"})
    run.send_callback_success("approval", {"approved": True})
    assert run.run().result == "shipped"
    ```

    Args:
        function_name: The function, with a version or an alias: the service invokes no durable function without.
        region: The AWS region. Default: boto3's own.
        endpoint_url: A server of the Lambda API other than AWS.
        client: A boto3 client of Lambda, instead of the two.
        timeout: Seconds that `run` waits until the execution has ended or waits for a callback. Default 300.
        poll: Seconds between two looks. Default 1.

    Raises `BackendError` if boto3 is not installed.
    """

    def __init__(
        self,
        function_name: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        client: Any = None,
        timeout: float = 300.0,
        poll: float = 1.0,
    ) -> None:
        self._function_name = function_name
        self._client = _lambda(region, endpoint_url) if client is None else client
        self._timeout = timeout
        self._poll = poll

    def run(self, event: Any = None, *, execution_name: str | None = None) -> CloudRun:
        """Start an execution, and wait until it has ended or waits for a callback.

        Args:
            event: Anything that JSON can say.
            execution_name: Makes it idempotent, as the service has it. A random one by default.

        Raises:
            TimeoutError: It has done neither within `timeout`.
            BackendError: The function is not durable. Other errors are boto3's.
        """
        return self.start(event, execution_name=execution_name)

    def start(self, event: Any = None, *, execution_name: str | None = None) -> CloudRun:
        """The same as `run`."""
        name = execution_name or f"test-{uuid.uuid4()}"
        answer = self._client.invoke(
            FunctionName=self._function_name,
            InvocationType="Event",
            DurableExecutionName=name,
            Payload=encode_value("event", event).encode("utf-8"),
        )
        arn = answer.get("DurableExecutionArn")
        if not arn:
            raise BackendError(f"{self._function_name} is no durable function: the service gave no execution's ARN")
        return CloudRun(self._client, self._function_name, name, arn, timeout=self._timeout, poll=self._poll).run()

    async def arun(self, event: Any = None, *, execution_name: str | None = None) -> CloudRun:
        """`run`, to be awaited."""
        return await run_awaited(lambda: self.run(event, execution_name=execution_name))

    async def astart(self, event: Any = None, *, execution_name: str | None = None) -> CloudRun:
        """The same as `arun`."""
        return await self.arun(event, execution_name=execution_name)


class CloudRun(RunView):
    """A deployed function's execution, as it stood when it was looked at last: by `run`, or at its start."""

    def __init__(
        self, client: Any, function: str, execution_name: str, arn: str, *, timeout: float, poll: float
    ) -> None:
        super().__init__(function, execution_name)
        self.arn = arn
        """The execution's ARN."""
        self._client = client
        self._timeout = timeout
        self._poll = poll
        self._events: list[Event] = []

    @property
    def ended(self) -> ExecutionEnded | None:
        last = self._events[-1] if self._events else None
        kind = _ENDS.get(last.event_type) if last is not None else None
        if last is None or kind is None:
            return None
        result = getattr(getattr(last.details, "result", None), "payload", None)
        error = getattr(getattr(last.details, "error", None), "payload", None)
        return kind(last.event_timestamp, result, error)

    @property
    def history(self) -> list[Event]:
        return list(self._events)

    @property
    def wire_operations(self) -> list[Operation]:
        return operations_of(self._events)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def run(self) -> CloudRun:
        """Wait until it has ended or waits for a callback. Returns itself. Raises `TimeoutError`."""
        deadline = time.monotonic() + self._timeout
        while True:
            self._events = self._read()
            if self._events and (self.ended is not None or self._is_blocked()):
                return self
            if time.monotonic() + self._poll > deadline:
                raise TimeoutError(
                    f"{self!r} has not ended, and waits for no callback, after {self._timeout:g} s\n"
                    + (self.tree() if self._events else "(no events yet)")
                )
            time.sleep(self._poll)

    async def arun(self) -> CloudRun:
        """`run`, to be awaited."""
        return await run_awaited(self.run)

    def advance(self, by: Any) -> CloudRun:
        """Refused: the time of a deployed function is real."""
        raise ValidationError(
            f"advance({by!r}): the time of a deployed function cannot be moved; use DurableTestRunner"
        )

    def send_callback_success(self, name: str, value: Any = None, *, index: int = 0) -> None:
        """Answer a callback that is waited for. Raises `LookupError` when none of that name is."""
        result = encode_value("value", value).encode("utf-8")
        self._send(name, index, self._client.send_durable_execution_callback_success, Result=result)

    def send_callback_failure(self, name: str, error: BaseException | str | ErrorObject, *, index: int = 0) -> None:
        """Answer a callback with a failure. Raises as `send_callback_success` does."""
        data = msgspec.to_builtins(error_of(error))
        self._send(name, index, self._client.send_durable_execution_callback_failure, Error=data)

    def send_callback_heartbeat(self, name: str, *, index: int = 0) -> None:
        """Tell that an answer is being worked on. Raises as `send_callback_success` does."""
        self._send(name, index, self._client.send_durable_execution_callback_heartbeat)

    def stop(self, error: BaseException | str | ErrorObject | None = None) -> None:
        """End it as STOPPED."""
        reason = {} if error is None else {"Error": msgspec.to_builtins(error_of(error))}
        self._client.stop_durable_execution(DurableExecutionArn=self.arn, **reason)
        self.run()

    def _send(self, name: str, index: int, call: Callable[..., Any], **fields: Any) -> None:
        call(CallbackId=self.open_callback_id(name, index), **fields)

    def _is_blocked(self) -> bool:
        """Whether a callback is waited for, and nothing has happened since the function went to sleep."""
        return bool(self.open_callbacks) and self._events[-1].event_type == "InvocationCompleted"

    def _read(self) -> list[Event]:
        entries: list[object] = []
        marker: dict[str, str] = {}
        while True:
            page = cast(
                "dict[str, Any]",
                self._client.get_durable_execution_history(
                    DurableExecutionArn=self.arn, IncludeExecutionData=True, **marker
                ),
            )
            entries += page.get("Events") or []
            if not page.get("NextMarker"):
                return events_of(entries)
            marker = {"Marker": page["NextMarker"]}


def _lambda(region: str | None, endpoint_url: str | None) -> Any:
    try:
        import boto3  # pyright: ignore[reportMissingTypeStubs]  # late: half a second, and an extra
    except ImportError as error:
        raise BackendError("CloudTestRunner needs boto3: pip install 'durable-lambda[aws]'") from error
    make = cast("Callable[..., Any]", boto3.client)  # pyright: ignore[reportUnknownMemberType]
    return make("lambda", region_name=region, endpoint_url=endpoint_url)

"""Drives a durable function through its invocations by hand: the test is the service, and decides what happens between.

`Execution` keeps what the service knows of one execution (by `RecordingBackend`). `run` makes one invocation, with the
function as it was or with changed code; `elapse`, `answer` and `change` do what the service and the outside world do.
Whatever an invocation sends and answers is held against the service's model: each test that uses it is one of the wire.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextvars import Context
from typing import Any

import msgspec

from durable_lambda import Handler
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.invocation import parse_invocation
from durable_lambda.protocol.updates import OperationUpdate
from recording import RecordingBackend, invocation, run
from wire import assert_matches


class Execution:
    """One execution of a function."""

    def __init__(
        self,
        fn: Callable[..., Any],
        event: Any = None,
        *,
        start_delay: float = 0.05,
        backend: RecordingBackend | None = None,
        loop: InvocationLoop | None = None,
        hooks: Any = None,
        style: Callable[..., Handler[Any, Any]] = Handler,
    ) -> None:
        self.fn = fn
        self.event = event
        self.backend = RecordingBackend() if backend is None else backend
        self.start_delay = start_delay
        self.loop = loop
        """Where to run, if not on the loop of the process."""
        self.hooks = hooks
        self.style = style
        """What makes a handler of a function, with the options of `durable_execution`."""
        self.calls: list[list[OperationUpdate]] = []
        """The checkpoints of the last invocation."""

    def run(self, fn: Callable[..., Any] | None = None) -> dict[str, Any]:
        """One invocation; from now on with another function, when one is given."""
        self.fn = self.fn if fn is None else fn
        before = len(self.backend.calls)
        handler = self.style(self.fn, backend=self.backend, start_delay=self.start_delay, hooks=self.hooks)
        history = list(self.backend.operations.values())
        try:
            if self.loop is None:
                return assert_envelope(run(handler, self.event, history))
            parsed = parse_invocation(invocation(self.event, history))
            output = self.loop.run_until_complete(handler.invoke(parsed, self.backend))
            envelope = assert_envelope(msgspec.to_builtins(output))
            return envelope | {"Result": json.loads(output.result)} if output.result else envelope
        finally:
            self.calls = self.backend.calls[before:]
            for call in self.calls:
                assert_matches("OperationUpdates", msgspec.to_builtins(call))

    def result(self, fn: Callable[..., Any] | None = None) -> Any:
        """One invocation, which has to succeed: its result."""
        envelope = self.run(fn)
        assert envelope["Status"] == "SUCCEEDED", envelope
        return envelope["Result"]

    def error(self, fn: Callable[..., Any] | None = None) -> dict[str, Any]:
        """One invocation, which has to fail: its error object."""
        envelope = self.run(fn)
        assert envelope["Status"] == "FAILED", envelope
        return envelope["Error"]

    def suspends(self, fn: Callable[..., Any] | None = None) -> None:
        """One invocation, which has to suspend."""
        envelope = self.run(fn)
        assert envelope == {"Status": "PENDING"}, envelope

    @property
    def sent(self) -> list[tuple[str, str | None, str]]:
        """Type, name and action of each update of the last invocation."""
        return [(update.type, update.name, update.action) for call in self.calls for update in call]

    @property
    def ids(self) -> dict[str | None, str]:
        """The ids of all operations, by name; every name has to be there once."""
        found = {operation.name: operation.id for operation in self.backend.operations.values()}
        assert len(found) == len(self.backend.operations), "a name is there twice"
        return found

    def operation(self, name: str | None) -> wire.Operation:
        """The operation with a name."""
        return self.backend.operations[self.ids[name]]

    def change(self, name: str, **fields: Any) -> wire.Operation:
        """Replace fields of an operation, as the service does."""
        changed = msgspec.structs.replace(self.operation(name), **fields)
        self.backend.operations[changed.id] = changed
        return changed

    def elapse(self) -> None:
        """Let the time pass that waits and retries need."""
        for operation in list(self.backend.operations.values()):
            if operation.type == "WAIT" and operation.status == "STARTED":
                self.change_by_id(operation, status="SUCCEEDED")
            elif operation.type == "STEP" and operation.status == "PENDING":
                self.change_by_id(operation, status="READY")

    def change_by_id(self, operation: wire.Operation, **fields: Any) -> None:
        self.backend.operations[operation.id] = msgspec.structs.replace(operation, **fields)

    def answer(self, name: str, result: Any = None) -> None:
        """Complete a callback with a value."""
        self.complete(name, "SUCCEEDED", result=json.dumps(result))

    def complete(
        self,
        name: str,
        status: wire.OperationStatus,
        *,
        result: str | None = None,
        error: wire.ErrorObject | None = None,
    ) -> wire.Operation:
        """Complete a callback with exactly these details."""
        known = self.operation(name).callback_details
        assert known is not None
        return self.change(name, status=status, callback_details=wire.CallbackDetails(known.callback_id, result, error))


def assert_envelope(envelope: dict[str, Any]) -> dict[str, Any]:
    """Fail unless the service would take this answer of an invocation."""
    members = {"SUCCEEDED": {"Status", "Result"}, "FAILED": {"Status", "Error"}, "PENDING": {"Status"}}
    assert set(envelope) == members[envelope["Status"]], envelope
    if "Error" in envelope:
        assert_matches("ErrorObject", envelope["Error"])
    return envelope


def after_turns(callback: Callable[[], object], turns: int = 20) -> None:
    """Call back when the running loop has turned so often; the turns are nobody's work, so they keep nobody awake."""
    loop = asyncio.get_running_loop()
    if turns:
        loop.call_soon(after_turns, callback, turns - 1, context=Context())
    else:
        loop.call_soon(callback, context=Context())


class JumpingLoop(InvocationLoop):
    """A loop whose clock jumps to the next timer when nothing is ready: an hour passes at once. Not for threads."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._real_select = self._selector.select
        self._selector.select = self._jump

    def time(self) -> float:
        return self.now

    def _jump(self, timeout: float | None = None) -> Any:
        ready = self._real_select(0)
        assert ready or timeout is not None, "nothing will ever happen here"
        if not ready and timeout:
            self.now += timeout
        return ready

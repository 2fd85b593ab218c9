"""The machine with nothing around it: one execution, a moment that is set by hand, and the log that would be stored."""

from __future__ import annotations

import random
from typing import Any

import msgspec

from durable_lambda.engine.machine.batch import Change
from durable_lambda.engine.machine.chained_invoke import end_of_child, success
from durable_lambda.engine.machine.checkpoint import answer_checkpoint, decide_checkpoint, repeated_answer
from durable_lambda.engine.machine.due import decide_due
from durable_lambda.engine.machine.invocation import begin_invocation, decide_failure, decide_output, decide_recovery
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.log import decode_entries, encode_entry, history_of, recover
from durable_lambda.engine.machine.outside import (
    decide_callback_failure,
    decide_callback_heartbeat,
    decide_callback_success,
    decide_invoke_outcome,
    decide_stop,
)
from durable_lambda.engine.machine.records import ExecutionEnded, ExecutionStarted
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.machine.targets import Targets
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.protocol.updates import (
    CallbackOptions,
    ChainedInvokeOptions,
    ContextOptions,
    OperationUpdate,
    StepOptions,
    WaitOptions,
)
from wire import assert_event, assert_matches, assert_operation

EXECUTION_ID = "00000000-0000-4000-8000-000000000001"


class Service:
    """One execution, and every command that there is for it."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        execution_timeout: int = 86_400,
        seed: int = 0,
        targets: Targets | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.targets = targets or Targets()
        self.children: dict[str, ExecutionStarted] = {}
        """Executions that invokes have started, by the invoke's operation id."""
        self.now = 1_000_000
        self.entropy = random.Random(seed).randbytes
        started = ExecutionStarted(self.now, EXECUTION_ID, "order-1", "orders", '{"a":1}', execution_timeout)
        self.state = ExecutionState(started, self.entropy)
        self.entries = [encode_entry([started])]
        self.token = ""
        self.requests = 0

    def invoke(self) -> InvocationInput:
        self.requests += 1
        event = begin_invocation(self.state, f"request-{self.requests}", self.limits, self.now)
        self.token = event.checkpoint_token
        return event

    def checkpoint(
        self, *updates: OperationUpdate, token: str | None = None, client_token: str | None = None
    ) -> CheckpointResponse:
        token = self.token if token is None else token
        answer = repeated_answer(self.state, token, client_token)
        if answer is not None:
            return answer
        self.pass_time(0)
        accepted = decide_checkpoint(self.state, updates, self.limits, self.now, self.targets)
        self.apply(accepted.changes)
        self.children.update((child.origin.operation, child) for child in accepted.children if child.origin)
        answer = answer_checkpoint(self.state, accepted.updated, token, client_token)
        self.token = answer.checkpoint_token or ""
        wire = {"NewExecutionState": msgspec.to_builtins(answer.new_execution_state)}
        wire["NewExecutionState"].pop("NextMarker")
        if answer.checkpoint_token is not None:
            wire["CheckpointToken"] = answer.checkpoint_token
        assert_matches("CheckpointDurableExecutionResponse", wire)
        return answer

    def answer(self, status: Any, **fields: Any) -> None:
        self.apply(decide_output(self.state, InvocationOutput(status, **fields), self.limits, self.now))
        self.state.invocation = None

    def fail(self, error: ErrorObject) -> None:
        self.apply(decide_failure(self.state, error, self.limits, self.now))
        self.state.invocation = None

    def crash(self) -> None:
        """The engine dies and comes back."""
        self.state = self.recovered()
        self.apply(decide_recovery(self.state, self.now))

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * 1000)
        self.apply(decide_due(self.state, self.now))

    def succeed_callback(self, callback_id: str, payload: str | None = None) -> None:
        self.apply(decide_callback_success(self.state, callback_id, payload, self.limits, self.now))

    def fail_callback(self, callback_id: str, error: ErrorObject) -> None:
        self.apply(decide_callback_failure(self.state, callback_id, error, self.limits, self.now))

    def beat(self, callback_id: str) -> None:
        self.apply(decide_callback_heartbeat(self.state, callback_id, self.now))

    def end_child(self, key: str, end: type[ExecutionEnded], **fields: Any) -> None:
        """The execution that an invoke has started ends."""
        outcome = end_of_child(key, self.children[key], end(self.now, **fields), self.limits, self.now)
        self.apply(decide_invoke_outcome(self.state, outcome))

    def answer_call(self, key: str, result: str | None) -> None:
        """The plain function that an invoke has called answers."""
        self.apply(decide_invoke_outcome(self.state, success(key, result, self.limits, self.now)))

    def stop(self, error: ErrorObject | None = None) -> None:
        self.apply(decide_stop(self.state, error, self.now))

    def apply(self, changes: list[Change]) -> None:
        if changes:
            self.entries.append(encode_entry([record for record, _ in changes]))
            self.state.apply(changes)

    def recovered(self) -> ExecutionState:
        return recover(decode_entries(self.entries), self.entropy)

    def history(self) -> list[Event]:
        return history_of(decode_entries(self.entries))

    def event_types(self) -> list[str]:
        return [event.event_type for event in self.history()]

    def operation(self, key: str) -> Operation:
        return self.state.operations[key]

    def check_wire(self) -> None:
        """Everything that could be told of the execution is of the service's shapes."""
        for event in self.history():
            assert_event(event)
        for operation in self.state.operations.values():
            assert_operation(operation)


def start_step(key: str = "s", **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "STEP", "START", **fields)


def succeed_step(key: str = "s", payload: str | None = "1", **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "STEP", "SUCCEED", payload=payload, **fields)


def fail_step(key: str = "s", error: ErrorObject | None = None, **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "STEP", "FAIL", error=error or ErrorObject("ValueError", "no"), **fields)


def retry_step(key: str = "s", delay: int = 5, **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "STEP", "RETRY", step_options=StepOptions(delay), **fields)


def start_wait(key: str = "w", seconds: int = 60, **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "WAIT", "START", wait_options=WaitOptions(seconds), **fields)


def cancel_wait(key: str = "w", **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "WAIT", "CANCEL", **fields)


def start_context(key: str = "c", **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "CONTEXT", "START", **fields)


def succeed_context(key: str = "c", payload: str | None = "1", replay_children: bool = False) -> OperationUpdate:
    options = ContextOptions(True) if replay_children else None
    return OperationUpdate(key, "CONTEXT", "SUCCEED", payload=payload, context_options=options)


def start_callback(key: str = "cb", timeout: int = 0, heartbeat: int = 0, **fields: Any) -> OperationUpdate:
    return OperationUpdate(key, "CALLBACK", "START", callback_options=CallbackOptions(timeout, heartbeat), **fields)


def start_invoke(
    key: str = "i", function: str = "payments", payload: str | None = None, **fields: Any
) -> OperationUpdate:
    options = ChainedInvokeOptions(function, fields.pop("tenant_id", None))
    return OperationUpdate(key, "CHAINED_INVOKE", "START", payload=payload, chained_invoke_options=options, **fields)


def callback_id_in(answer: CheckpointResponse, key: str = "cb") -> str:
    """The id that the service gave to a callback."""
    for operation in answer.new_execution_state.operations:
        assert isinstance(operation, Operation)
        if operation.id == key:
            assert operation.callback_details is not None
            assert operation.callback_details.callback_id is not None
            return operation.callback_details.callback_id
    raise AssertionError(f"{key} is not in the answer")

"""Whatever is done to an execution, in whatever order: properties that hold after every single command."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from durable_lambda.engine.machine.due import next_due
from durable_lambda.engine.machine.log import decode_entries, history_of
from durable_lambda.engine.machine.outside import decide_pause, decide_resume
from durable_lambda.engine.machine.pause import PauseRequested
from durable_lambda.engine.machine.records import (
    ExecutionEnded,
    ExecutionFailed,
    ExecutionStopped,
    ExecutionSucceeded,
    ExecutionTimedOut,
)
from durable_lambda.engine.machine.targets import Targets
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.operations import TERMINAL_STATUSES, ErrorObject, Operation
from durable_lambda.protocol.updates import (
    CallbackOptions,
    ChainedInvokeOptions,
    ContextOptions,
    OperationUpdate,
    StepOptions,
    WaitOptions,
)
from service import Service

LEGAL = {
    ("STEP", None): {"START", "SUCCEED", "FAIL", "RETRY"},
    ("STEP", "READY"): {"START", "SUCCEED", "FAIL", "RETRY"},
    ("STEP", "STARTED"): {"SUCCEED", "FAIL", "RETRY"},
    ("CONTEXT", None): {"START"},
    ("CONTEXT", "STARTED"): {"SUCCEED", "FAIL"},
    ("WAIT", None): {"START"},
    ("WAIT", "STARTED"): {"CANCEL"},
    ("CALLBACK", None): {"START"},
    ("CHAINED_INVOKE", None): {"START"},
}
"""The service's table: the actions that each type takes in each status."""

KINDS = {
    "a": "STEP",
    "b": "STEP",
    "c": "CONTEXT",
    "d": "CONTEXT",
    "e": "WAIT",
    "f": "WAIT",
    "g": "CALLBACK",
    "h": "CHAINED_INVOKE",
    "i": "CHAINED_INVOKE",
}
KEYS = st.sampled_from(sorted(KINDS))
ENDS = [ExecutionSucceeded, ExecutionFailed, ExecutionTimedOut, ExecutionStopped]
ACTIONS = ["START", "SUCCEED", "FAIL", "RETRY", "CANCEL"]


@dataclass(frozen=True)
class Target:
    execution_timeout: int = 60


def draw_update(data: st.DataObject, operations: dict[str, Operation]) -> OperationUpdate:
    """An update that is well formed: legal more often than not, and now and then for the wrong type."""
    key = data.draw(KEYS)
    is_wild = data.draw(st.integers(0, 19)) == 0
    kind = data.draw(st.sampled_from(sorted(set(KINDS.values())))) if is_wild else KINDS[key]
    known = operations.get(key)
    legal = sorted(LEGAL.get((kind, known.status if known else None), ()))
    action = data.draw(st.sampled_from(legal if legal and data.draw(st.booleans()) else ACTIONS))
    parents = [None, *(["c"] if "c" in operations or is_wild else [])] if known is None else [known.parent_id, None]
    return OperationUpdate(
        key,
        kind,
        action,
        parent_id=data.draw(st.sampled_from(parents)),
        payload="1" if action == "SUCCEED" and data.draw(st.booleans()) else None,
        error=ErrorObject("E", "e") if action in ("FAIL", "RETRY", "CANCEL") else None,
        step_options=StepOptions(data.draw(st.integers(1, 5))) if action == "RETRY" else None,
        wait_options=WaitOptions(data.draw(st.integers(1, 9))) if kind == "WAIT" else None,
        context_options=ContextOptions(data.draw(st.booleans())) if kind == "CONTEXT" else None,
        callback_options=CallbackOptions(data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9))),
        chained_invoke_options=ChainedInvokeOptions(data.draw(st.sampled_from(["payments:live", "rates", "nobody"]))),
    )


class AnyExecution(RuleBasedStateMachine):
    """Commands as they come, legal or not."""

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        targets = Targets({"payments": Target()}, {"rates"})
        self.service = Service(execution_timeout=200, seed=seed, targets=targets)
        self.told = self.service.history()
        self.spent: list[str] = []

    @precondition(lambda self: self.service.state.is_running)
    @rule(data=st.data(), sizes=st.lists(st.sampled_from([1, 1, 1, 2, 3, 0]), min_size=1, max_size=6))
    def checkpoint(self, data: st.DataObject, sizes: list[int]) -> None:
        if self.service.state.invocation is None:
            if self.service.state.pause is not None:
                return
            event = self.service.invoke()
            assert event.checkpoint_token not in self.spent
        for size in sizes:
            self.service.pass_time(0)
            state = self.service.state
            if state.is_running and state.invocation is not None and state.invocation.token is not None:
                self.checkpoint_once(data, size)

    def checkpoint_once(self, data: st.DataObject, size: int) -> None:
        service = self.service
        before = dict(service.state.operations)
        batch = [draw_update(data, before) for _ in range(size)]
        is_legal = all(self.is_legal(update, before) for update in batch)
        token = service.token
        try:
            answer = service.checkpoint(*batch)
        except ServiceError:
            assert service.state.operations == before
            assert service.token == token
            assert size != 1 or not is_legal
            return
        self.spent.append(token)
        assert answer.checkpoint_token not in self.spent
        assert (answer.checkpoint_token is None) == (service.state.pause is not None or not service.state.is_running)
        told = {operation.id for operation in answer.new_execution_state.operations}
        assert {update.id for update in batch} <= told
        assert size != 1 or is_legal

    @staticmethod
    def is_legal(update: OperationUpdate, operations: dict[str, Operation]) -> bool:
        """Whether the service's table has it, and its parent is a context that exists."""
        known = operations.get(update.id)
        if known is not None and known.type != update.type:
            return False
        if known is None and update.parent_id is not None:
            parent = operations.get(update.parent_id)
            if parent is None or parent.type != "CONTEXT":
                return False
        return update.action in LEGAL.get((update.type, known.status if known else None), ())

    @precondition(lambda self: self.service.state.is_running and self.spent)
    @rule(data=st.data())
    def checkpoint_with_a_spent_token(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(self.spent))
        batch = [draw_update(data, self.service.state.operations)]
        entries = len(self.service.entries)
        with pytest.raises(ServiceError) as refusal:
            self.service.checkpoint(*batch, token=token)
        assert refusal.value.is_stale_token
        assert len(self.service.entries) == entries

    @rule(seconds=st.integers(0, 4))
    def pass_time(self, seconds: int) -> None:
        self.service.pass_time(seconds)
        due = next_due(self.service.state)
        assert due is None or due > self.service.now

    @rule(data=st.data(), how=st.sampled_from(["success", "failure", "heartbeat"]))
    def answer_callback(self, data: st.DataObject, how: str) -> None:
        service = self.service
        if not service.state.callbacks:
            return
        callback_id = data.draw(st.sampled_from(sorted(service.state.callbacks)))
        was_open = (
            service.state.is_running and service.operation(service.state.callbacks[callback_id]).status == "STARTED"
        )
        try:
            if how == "success":
                service.succeed_callback(callback_id, "1")
            elif how == "failure":
                service.fail_callback(callback_id, ErrorObject("E"))
            else:
                service.beat(callback_id)
        except ServiceError:
            assert not was_open
        else:
            assert was_open

    @precondition(lambda self: self.service.state.invokes)
    @rule(data=st.data(), how=st.sampled_from(ENDS))
    def answer_invoke(self, data: st.DataObject, how: type[ExecutionEnded]) -> None:
        service = self.service
        key = data.draw(st.sampled_from(sorted(service.state.invokes)))
        if key in service.children:
            service.end_child(key, how, error=ErrorObject("E"))
        else:
            service.answer_call(key, "1")
        assert (service.operation(key).status == "STARTED") is not service.state.is_running

    @precondition(lambda self: self.service.state.invocation is not None and self.service.state.is_running)
    @rule(how=st.sampled_from(["PENDING", "PENDING", "PENDING", "raise"]))
    def end_invocation(self, how: str) -> None:
        self.spent.append(self.service.token)
        if how == "raise":
            self.service.fail(ErrorObject("E"))
        else:
            self.service.answer(how)
        state = self.service.state
        # It ended, or something will make it go on.
        assert not state.is_running or state.resume_at is not None or state.blocked or state.pause is not None

    @rule(how=st.sampled_from(["pause", "resume", "resume", None, None]), is_timeout_paused=st.booleans())
    def pause_or_resume(self, how: str | None, is_timeout_paused: bool) -> None:
        service, state = self.service, self.service.state
        was_paused = state.pause is not None
        try:
            if how == "pause":
                service.apply(decide_pause(state, PauseRequested(service.now, None, None, is_timeout_paused)))
            elif how == "resume":
                service.apply(decide_resume(state, None, None, service.now))
        except ServiceError:
            assert not state.is_running or was_paused == (how == "pause")
        else:
            assert how is None or (state.is_running and was_paused != (how == "pause"))
            assert how is None or (state.pause is not None) == (how == "pause")
            assert state.status != "PAUSING" or state.invocation is not None

    @rule(really=st.sampled_from([True, False, False]))
    def crash(self, really: bool) -> None:
        if not really:
            return
        self.spent.append(self.service.token)
        self.service.crash()
        state = self.service.state
        assert state.status != "PAUSING"
        assert not state.is_running or state.resume_at is not None or state.blocked or state.pause is not None

    @precondition(lambda self: len(self.service.entries) > 25)
    @rule(how=st.sampled_from(["stop", "SUCCEEDED", "FAILED"]))
    def end(self, how: str) -> None:
        if how == "stop":
            self.service.stop(ErrorObject("Operator"))
        elif self.service.state.invocation is not None and self.service.state.is_running:
            self.spent.append(self.service.token)
            self.service.answer(how)

    @invariant()
    def history_only_grows(self) -> None:
        events = history_of(decode_entries(self.service.entries))
        assert events[: len(self.told)] == self.told
        assert [event.event_id for event in events] == list(range(1, len(events) + 1))
        self.told = events

    @invariant()
    def what_is_terminal_stays(self) -> None:
        terminal = {
            key: operation
            for key, operation in self.service.state.operations.items()
            if operation.status in TERMINAL_STATUSES
        }
        for key, operation in getattr(self, "terminal", {}).items():
            assert terminal.get(key) == operation
        self.terminal = terminal

    @invariant()
    def the_log_adds_up_to_the_state(self) -> None:
        state, recovered = self.service.state, self.service.recovered()
        assert recovered.operations == state.operations
        assert list(recovered.operations) == list(state.operations)
        for name in (
            "status",
            "blocked",
            "ready",
            "deadlines",
            "callbacks",
            "data",
            "failures",
            "futile",
            "ended",
            "invokes",
            "pause",
            "paused_at",
            "paused_for",
            "deadline",
        ):
            assert getattr(recovered, name) == getattr(state, name), name
        assert {key for key, invoke in state.invokes.items() if invoke.is_call} == set(recovered.uncalled)

    def teardown(self) -> None:
        if hasattr(self, "service"):
            self.service.check_wire()


TestAnyExecution = AnyExecution.TestCase
TestAnyExecution.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)

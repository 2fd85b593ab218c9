"""Chained invokes, as the host carries them out: children begin, plain functions are called, outcomes reach who waits.

A child's first record is stored with its parent's checkpoint, and its end with the outcome that the parent is told, so
a crash has both or neither. The call of a plain function leaves no trace until it has answered; after a crash it is
called again: at least once, as any function is that Lambda invokes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from durable_lambda.engine.hosted import Hosted
from durable_lambda.engine.invoker import Outcome
from durable_lambda.engine.machine.chained_invoke import ChainedInvokeFailed, end_of_child, is_unknown, success
from durable_lambda.engine.machine.outside import decide_invoke_outcome
from durable_lambda.engine.machine.records import ExecutionEnded, ExecutionStarted, OperationRecord
from durable_lambda.engine.requests import begin_execution
from durable_lambda.protocol.errors import (
    UNKNOWN_EXECUTION,
    InvalidParameterValueException,
    ResourceNotFoundException,
)
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.protocol.updates import OperationUpdate

if TYPE_CHECKING:
    from durable_lambda.engine.host import Host

PATIENCE_SECONDS = 1.0
"""After the engine was opened: how long an execution that it has taken up waits for a function to be registered."""

HEAD_START_SECONDS = 0.25
"""For the end of an invocation, before what it has invoked begins."""


class Invokes:
    """Used on the engine's loop."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._patient_until = host.loop.time() + PATIENCE_SECONDS
        self._registered = host.loop.create_future()
        """Done when another function is registered."""

    def on_registered(self) -> None:
        """There is another function."""
        self._registered.set_result(None)
        self._registered = self._host.loop.create_future()

    async def wait_for_targets(self, hosted: Hosted, updates: Sequence[OperationUpdate]) -> None:
        """Give the program a moment to register what an execution asks for.

        An execution of a file that was opened goes on when its own function is registered. The one that it invokes may
        be registered in the program's next line, and must not count as unknown because of that.
        """
        loop = self._host.loop
        while (patience := self._patient_until - loop.time()) > 0:
            if not any(is_unknown(update, self._host.targets) for update in updates):
                return
            await asyncio.wait([self._registered], timeout=patience)
        hosted.is_recovered = False

    def begin(self, child: ExecutionStarted, parent: Hosted) -> None:
        """Begin the execution that an invoke has started, in the transaction of the checkpoint that did."""
        row = begin_execution(self._host, child)
        hosted = self._host.live[row.id]
        hosted.is_recovered = parent.is_recovered  # what it invokes may not be registered yet either
        if self._lets_end_first(parent):
            hosted.is_held = True
            parent.followers.append(hosted)

    def tell_parent(self, child: Hosted) -> None:
        """A child has ended: its parent's operation is completed in the same transaction."""
        started, end = child.state.started, child.state.ended
        if started.origin is None or end is None:
            return
        parent = self._host.live.get(started.origin.execution)
        if parent is not None:
            self._complete(parent, self._outcome(started.origin.operation, started, end))

    def call(self, parent: Hosted) -> None:
        """Call the plain functions that stored invokes ask for; one that is not registered is waited for."""
        if not self._lets_end_first(parent):
            self._call(parent)

    def release(self, parent: Hosted) -> None:
        """Let begin what an execution has invoked: its invocation has ended, or goes on with something else."""
        if parent.head_start is not None:
            parent.head_start.cancel()
            parent.head_start = None
        followers, parent.followers = parent.followers, []
        for child in followers:
            child.is_held = False
            self._host.advance(child)
        if parent.state.uncalled and parent.state.is_running:
            self._call(parent)

    def _lets_end_first(self, parent: Hosted) -> bool:
        """Whether what an execution invokes begins a little later.

        A function in another process that invokes and then suspends needs some milliseconds to say so. As on the
        service, where an invocation takes longer to begin, its history then has the end of that invocation before the
        outcome of what it invoked.
        """
        host = self._host
        registration = host.functions.get(parent.row.function)
        if parent.task is None or registration is None or not registration.is_elsewhere:
            return False
        if parent.head_start is None:
            parent.head_start = host.loop.call_later(HEAD_START_SECONDS, self.release, parent, context=host.context)
        return True

    def _call(self, parent: Hosted) -> None:
        host, state = self._host, parent.state
        for key in tuple(state.uncalled):
            invoke = state.invokes[key]
            function = host.plain.get(invoke.function or "")
            if function is None:
                continue
            del state.uncalled[key]
            if key not in parent.calls:  # a state that was read again knows nothing of the call under way
                parent.calls.add(key)
                host.invoker.call(
                    function,
                    invoke.input,
                    invoke.tenant_id,
                    lambda outcome, key=key: self._on_answer(parent, key, outcome),
                )

    def recover(self, parent: Hosted) -> None:
        """Tell an execution of children that are not there any more: what is left when a file was mended by hand."""
        host = self._host
        for key, invoke in tuple(parent.state.invokes.items()):
            if invoke.child is None or invoke.child in host.live:
                continue
            row = host.store.find(invoke.child)
            log = host.store.log(row.key) if row is not None else []
            if log and isinstance(log[0], ExecutionStarted) and isinstance(log[-1], ExecutionEnded):
                self._complete(parent, self._outcome(key, log[0], log[-1]))
            else:
                error = ErrorObject(ResourceNotFoundException.code, UNKNOWN_EXECUTION)
                self._complete(parent, ChainedInvokeFailed(host.clock.now(), key, error))

    def _on_answer(self, parent: Hosted, key: str, outcome: Outcome) -> None:
        parent.calls.discard(key)
        now = self._host.clock.now()
        if isinstance(outcome, ErrorObject):
            self._complete(parent, ChainedInvokeFailed(now, key, outcome))
        else:
            self._complete(parent, success(key, outcome.result, self._host.limits, now))

    def _outcome(self, key: str, started: ExecutionStarted, end: ExecutionEnded) -> OperationRecord:
        return end_of_child(key, started, end, self._host.limits, self._host.clock.now())

    def _complete(self, parent: Hosted, outcome: OperationRecord) -> None:
        try:
            self._change(parent, outcome)
        except InvalidParameterValueException as problem:
            # A text that cannot be stored must not leave the execution waiting.
            error = ErrorObject(problem.code, problem.message)
            self._change(parent, ChainedInvokeFailed(outcome.at, outcome.id, error))

    def _change(self, parent: Hosted, outcome: OperationRecord) -> None:
        changes = decide_invoke_outcome(parent.state, outcome)
        if changes:
            self._host.commit.change(parent, changes)

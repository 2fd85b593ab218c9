"""The state of one execution: what its records add up to, and an index or two so that nothing has to be searched.

`apply` folds one record; its cost does not depend on how many operations there are. Beside the folded state stands what
lives only as long as this process: the invocation under way, with its token.
"""

from __future__ import annotations

import heapq

from durable_lambda.engine.machine import callback, chained_invoke, identity, pause, records, step, wait
from durable_lambda.engine.machine.batch import Change, error_size, text_size
from durable_lambda.engine.machine.records import OperationRecord, Record
from durable_lambda.protocol.backend import CheckpointResponse
from durable_lambda.protocol.limits import MAX_EXECUTION_TIMEOUT_SECONDS
from durable_lambda.protocol.operations import ExecutionDetails, ExecutionStatus, Operation

_MOVED_FROM_OUTSIDE = ("WAIT", "CALLBACK", "CHAINED_INVOKE")


class Invocation:
    """The invocation under way, and the end of its chain of tokens. Never stored: a restart invokes anew."""

    __slots__ = ("answer", "client_token", "is_recorded", "request_id", "spent_token", "started_at", "token")

    def __init__(self, request_id: str, started_at: int, token: str) -> None:
        self.request_id = request_id
        self.started_at = started_at
        self.token: str | None = token
        self.spent_token: str | None = None
        self.client_token: str | None = None
        self.answer: CheckpointResponse | None = None
        self.is_recorded = False

    def copy(self) -> Invocation:
        """As it is now, to be put back when what follows cannot be stored."""
        twin = Invocation(self.request_id, self.started_at, "")
        for attribute in self.__slots__:
            setattr(twin, attribute, getattr(self, attribute))
        return twin


class ExecutionState:
    """One execution. Changed by `apply` and nothing else, but for `invocation` and `unseen`."""

    def __init__(self, started: records.ExecutionStarted, entropy: identity.Entropy) -> None:
        self.started = started
        self.id = started.id
        self.arn = identity.execution_arn(started.function, started.name, started.id)
        self.ids = identity.Identity(started.id, entropy)
        self.status: ExecutionStatus = "RUNNING"
        self.ended: records.ExecutionEnded | None = None
        root = Operation(
            started.id,
            "EXECUTION",
            "STARTED",
            started.at,
            name=started.name,
            execution_details=ExecutionDetails(started.payload),
        )
        self.operations: dict[str, Operation] = {started.id: root}
        """In the order in which they started, the EXECUTION first."""
        self.data = text_size(started.payload)
        """Bytes of everything checkpointed so far."""
        self.blocked: set[str] = set()
        """Operations that will wake the function one day: waits, callbacks, retries that are not due."""
        self.ready: set[str] = set()
        """Steps whose next attempt may begin."""
        self.unseen: dict[str, None] = {}
        """Operations changed from outside that the function was not told of."""
        self.callbacks: dict[str, str] = {}
        """Operation ids by callback id."""
        self.deadlines: dict[str, callback.Deadlines] = {}
        """Timers of open callbacks, by operation id."""
        self.invokes: dict[str, chained_invoke.ChainedInvokeStarted] = {}
        """Invokes that have no outcome yet, by operation id."""
        self.uncalled: dict[str, None] = {}
        """Those of them for which a plain function has to be called; the host takes out what it has begun."""
        self.due: list[tuple[int, str]] = [(started.at + started.execution_timeout * 1000, started.id)]
        """A heap of moments and operations; an entry that its operation has outlived means nothing."""
        self.resume_at: int | None = started.at
        """When the next invocation is due, if none is under way; `None`: when something changes."""
        self.deadline = started.at + started.execution_timeout * 1000
        """When it times out; a pause may move it."""
        self.pause: pause.PauseRequested | None = None
        """What it is being paused for, or is paused for."""
        self.paused_at: int | None = None
        self.paused_for = 0
        """Milliseconds that its time-out has stood still so far."""
        self.client_tokens: dict[str, pause.PauseRecord] = {}
        """Requests to pause and to resume, by their client tokens."""
        self.failures = 0
        self.futile = 0
        self.interrupted: records.InvocationStarted | None = None
        """An invocation of which the log has the start and not the end."""
        self.invocation: Invocation | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended; it may be paused."""
        return self.ended is None

    def apply(self, changes: list[Change]) -> None:
        """Fold records in. A change's operation is what the record makes of it; `None`: to be computed here."""
        for record, operation in changes:
            if isinstance(record, OperationRecord):
                self._apply_operation(record, operation)
            elif isinstance(record, records.InvocationStarted):
                self.interrupted = record
                if self.invocation is not None:
                    self.invocation.is_recorded = True
            elif isinstance(record, records.InvocationCompleted):
                self.interrupted = None
                self.resume_at = record.resume_at
                self.failures = record.failures
                self.futile = record.futile
            elif isinstance(record, records.ExecutionEnded):
                self._apply_end(record)
            elif isinstance(record, pause.PauseRecord):
                self._apply_pause(record)

    def fold(self, log: list[Record]) -> None:
        """Fold stored records in."""
        self.apply([(record, None) for record in log])

    def _apply_operation(self, record: OperationRecord, operation: Operation | None) -> None:
        key = record.id
        known = self.operations.get(key)
        if operation is None:
            if known is not None:
                operation = record.evolve(known)
            else:
                assert isinstance(record, records.OperationStarted)
                operation = record.create()
        self.operations[key] = operation
        status = operation.status
        if status == "PENDING" or (status == "STARTED" and operation.type in _MOVED_FROM_OUTSIDE):
            self.blocked.add(key)
        else:
            self.blocked.discard(key)
        if status == "READY":
            self.ready.add(key)
        else:
            self.ready.discard(key)
        if record.wakes:
            self.unseen[key] = None
            if self.resume_at is None:
                self.resume_at = record.at
        self._keep_time(record, operation)

    def _keep_time(self, record: OperationRecord, operation: Operation) -> None:
        if isinstance(record, (step.StepSucceeded, step.StepFailed)):
            if record.delay is not None:
                heapq.heappush(self.due, (record.at + record.delay * 1000, record.id))
            self.data += (
                text_size(record.result) if isinstance(record, step.StepSucceeded) else error_size(record.error)
            )
        elif isinstance(record, wait.WaitStarted):
            heapq.heappush(self.due, (record.at + record.duration * 1000, record.id))
        elif isinstance(record, callback.CallbackStarted):
            self.callbacks[record.callback_id] = record.id
            self._watch_callback(record.id, record.deadlines())
        elif isinstance(record, callback.HeartbeatReceived):
            self._watch_callback(record.id, self.deadlines[record.id].beaten(record.at))
        elif operation.type == "CALLBACK":
            self.deadlines.pop(record.id, None)
            details = operation.callback_details
            if details is not None:
                self.data += text_size(details.result) + error_size(details.error)
        elif operation.type == "CONTEXT":
            details = operation.context_details
            if details is not None:
                self.data += text_size(details.result) + error_size(details.error)
        elif operation.type == "CHAINED_INVOKE":
            self._keep_invoke(record, operation)

    def _keep_invoke(self, record: OperationRecord, operation: Operation) -> None:
        if isinstance(record, chained_invoke.ChainedInvokeStarted):
            self.invokes[record.id] = record
            if record.is_call:
                self.uncalled[record.id] = None
            self.data += text_size(record.input)
            return
        self.invokes.pop(record.id, None)
        self.uncalled.pop(record.id, None)
        details = operation.chained_invoke_details
        if details is not None:
            self.data += text_size(details.result) + error_size(details.error)

    def _watch_callback(self, key: str, deadlines: callback.Deadlines) -> None:
        self.deadlines[key] = deadlines
        due = deadlines.next()
        if due is not None:
            heapq.heappush(self.due, (due, key))

    def _apply_pause(self, record: pause.PauseRecord) -> None:
        self.status = record.status
        if record.client_token is not None:
            self.client_tokens[record.client_token] = record
        if isinstance(record, pause.PauseRequested):
            self.pause = record
            return
        if isinstance(record, pause.ExecutionPaused):
            self.paused_at = record.at
            if record.is_timeout_paused:
                self._move_deadline(self._last_deadline)
            return
        if self.paused_at is not None and self.pause is not None and self.pause.is_timeout_paused:
            planned = self.started.at + self.started.execution_timeout * 1000 + self.paused_for
            self.paused_for += record.at - self.paused_at
            self._move_deadline(min(planned + record.at - self.paused_at, self._last_deadline))
        self.pause = self.paused_at = None

    @property
    def _last_deadline(self) -> int:
        """No execution takes longer, however long it is paused."""
        return self.started.at + MAX_EXECUTION_TIMEOUT_SECONDS * 1000

    def _move_deadline(self, deadline: int) -> None:
        self.deadline = deadline
        heapq.heappush(self.due, (deadline, self.id))

    def _apply_end(self, record: records.ExecutionEnded) -> None:
        self.status = record.status
        self.ended = record
        self.resume_at = None
        root = self.operations[self.id]
        self.operations[self.id] = Operation(
            root.id,
            "EXECUTION",
            record.operation_status,
            root.start_timestamp,
            name=root.name,
            end_timestamp=record.at,
            execution_details=root.execution_details,
        )

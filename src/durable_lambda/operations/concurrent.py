"""What `parallel` and `map` are: branches side by side, each with a context of its own, and one result for all.

The batch is a CONTEXT operation; so is each branch, unless the nesting is flat. Branches are numbered by their index,
so their ids do not depend on who is done first. A branch that fails is recorded as failed; one that is suspended is not
recorded at all, and goes on alone when it is its turn. Branches that were not done when the batch was decided are
cancelled, and what they do afterwards is not stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import msgspec

from durable_lambda.arguments import check_name
from durable_lambda.batch import BatchItem, BatchResult
from durable_lambda.completion import BatchProgress, Completion, CompletionReason
from durable_lambda.errors import ChildContextError, NonDeterministicExecutionError, ValidationError
from durable_lambda.failures import describe, raise_as_recorded
from durable_lambda.operations.child import ChildContext
from durable_lambda.operations.outcome import codec_of, failure, unreadable
from durable_lambda.operations.stored_batch import (
    NULL,
    StoredBatch,
    StoredItem,
    Summary,
    decode_batch,
    embedded,
    summarise,
    unembedded,
)
from durable_lambda.operations.window import Window
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.limits import REPLAY_CHILDREN_THRESHOLD
from durable_lambda.protocol.updates import ContextOptions, OperationUpdate
from durable_lambda.runtime import determinism
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.ids import operation_id
from durable_lambda.runtime.lifeline import Lifeline
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import UNSET, Codec, check_codec, round_trip

T = TypeVar("T")

Nesting: TypeAlias = Literal["nested", "flat"]


class BranchSpec(msgspec.Struct, frozen=True):
    """A branch as it was given: what to call, with which arguments before the context, as which kind of branch."""

    name: str | None
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    branch_type: type[Branch]


class Branch(ChildContext[Any]):
    """The CONTEXT of a branch."""

    __slots__ = ()

    def begin(self) -> None:
        """Its code does that: in a `def` handler it may have to wait for a thread."""

    async def conclude(self, update: OperationUpdate, *, at_once: bool = False) -> None:
        """Send an outcome with the next update: all that follows from it is the batch's own, which is waited for."""
        self.announce(update)

    async def code(self) -> Any:
        return await self.inside.call(self._begun, self.args)

    def _begun(self, *args: Any) -> Any:
        if self.is_new:
            self.inside.announce(self.update("START"))
        return self.fn(*args)


class Batch(Call[T]):
    """A CONTEXT around branches. Its kinds differ in how these are given, and in what is made of the result."""

    __slots__ = ("_begun", "_specs", "batch_size", "codec", "completion", "item_codec", "max_concurrency", "nesting")

    type = "CONTEXT"
    code: ClassVar[str]

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        *,
        max_concurrency: int | None = None,
        batch_size: int | None = None,
        completion: Completion | None = None,
        nesting: Nesting = "nested",
        item_codec: Codec[Any] | None = None,
        codec: Codec[BatchResult[Any]] | None = None,
    ) -> None:
        super().__init__(scope, name)
        self.item_codec = item_codec
        self.codec = codec
        self.max_concurrency = max_concurrency
        self.batch_size = batch_size
        self.completion = Completion.all_successful() if completion is None else completion
        self.nesting = nesting
        self._begun: dict[int, tuple[Branch, Operation[Any], Lifeline]] = {}

    def specs(self) -> list[BranchSpec]:
        """The branches. Raises `ValidationError` for what cannot be branches."""
        raise NotImplementedError

    def outcome(self, batch: BatchResult[Any]) -> T:
        """What the call gives, or raises, for what became of its branches."""
        raise NotImplementedError

    @property
    def new_operations(self) -> int:
        return 1 if self.nesting == "flat" else 1 + self.completion.least(len(self._specs))

    def prepare(self) -> None:
        check_name(self.name, self.verb)
        _check_count(self.max_concurrency, "max_concurrency", self.verb)
        _check_count(self.batch_size, "batch_size", self.verb)
        if self.nesting not in ("nested", "flat"):
            raise ValidationError(f'nesting must be "nested" or "flat", not {self.nesting!r}')
        if not isinstance(self.completion, Completion):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(f"completion must be a Completion, not {self.completion!r}: Completion.at_least(2)")
        self._specs = self.specs()
        if self.codec is not None:
            check_codec(self.codec, f"{self.verb}()")
        for fn in {id(spec.fn): spec.fn for spec in self._specs}.values():
            codec_of(self.scope, self.verb, self.item_codec, fn, UNSET)  # raises now what each branch would raise
        self.completion.check(len(self._specs))

    def replay(self, recorded: wire.Operation) -> Operation[T] | None:
        self._specs = self.specs()
        details = recorded.context_details or wire.ContextDetails()
        if recorded.status == "FAILED":
            return Operation.failed(failure(self, details.error or wire.ErrorObject(), ChildContextError))
        if recorded.status != "SUCCEEDED" or details.replay_children:
            return None
        try:
            if self.codec is not None:
                batch = self.codec.decode("null" if details.result is None else details.result)
            else:
                batch = self._stored_result(details.result)
        except NonDeterministicExecutionError:
            raise
        except Exception as error:  # also of a codec of the user's
            return Operation.failed(unreadable(self, error))
        try:
            return Operation(self.outcome(batch))
        except Exception as error:
            return Operation.failed(error)

    async def execute(self, recorded: wire.Operation | None) -> T:
        return self.outcome(await self._run(recorded))

    async def _run(self, recorded: wire.Operation | None) -> BatchResult[Any]:
        if recorded is not None and recorded.is_terminal:
            return await self._replay_branches(recorded.context_details or wire.ContextDetails())
        if recorded is None:
            self.announce(self.update("START"))
        inside = self.scope.child(self.id)
        self._check_no_more_recorded(inside)
        window = Window(
            len(self._specs),
            self.completion,
            start=lambda index: self._begin(inside, index),
            done=self._is_success,
            limit=self.max_concurrency,
            batch_size=self.batch_size,
        )
        try:
            reason = await window.run()
        except asyncio.CancelledError as cancellation:
            self._cut_off(window)
            self.record_cancellation(self.update("FAIL", error=describe(cancellation)))
            raise
        except Exception as error:  # of the completion's predicate
            self._cut_off(window)
            record = describe(error)
            await self.conclude(self.update("FAIL", error=record))
            raise_as_recorded(failure(self, record, ChildContextError, original=error))
        self._cut_off(window)
        undone = set(window.under_way)
        items = [self._item(index, undone) for index in range(len(self._specs))]
        return await self._store(items, reason)

    def _check_no_more_recorded(self, inside: Scope) -> None:
        """Raises `NonDeterministicExecutionError` when the history has a branch after the last one."""
        following = operation_id(f"{self.id}-{len(self._specs)}")
        for missing in (following, operation_id(f"{following}-1")):  # nested, flat
            if missing in self.scope.journal.recorded:
                raise determinism.missing(inside, missing, None)

    def _cut_off(self, window: Window) -> None:
        """Cancel the branches that are not done; what they do from now on does not count."""
        for index, operation in window.under_way.items():
            self._begun[index][2].cut()
            if operation.task is not None:
                operation.task.cancel("the batch was decided without this branch")

    def _begin(self, inside: Scope, index: int) -> Operation[Any]:
        spec = self._specs[index]
        lifeline = Lifeline(inside.lifeline)
        own = inside.branch(lifeline)
        branch = self._branch(own, spec, virtual=self.nesting == "flat")
        branch.id = operation_id(f"{self.id}-{index}")
        operation = own.begin(branch, own.home)
        self._begun[index] = branch, operation, lifeline
        return operation

    def _branch(self, scope: Scope, spec: BranchSpec, *, virtual: bool) -> Branch:
        return spec.branch_type(
            scope, spec.name, spec.fn, spec.args, virtual=virtual, result_type=UNSET, codec=self.item_codec
        )

    def _is_success(self, index: int) -> bool:
        branch, operation, _ = self._begun[index]
        if operation.task is not None and not operation.task.cancelled():
            operation.task.exception()  # looked at: it is in the result
        return branch.payload is not None

    async def _replay_branches(self, details: wire.ContextDetails) -> BatchResult[Any]:
        """The result of a batch that was too large to store: from its branches, each replayed."""
        summary = msgspec.json.decode(details.result or "", type=Summary)
        if not summary.might_have(len(self._specs)):
            recorded = len(summary.item_statuses) or summary.total_count
            raise determinism.resized(self, recorded, len(self._specs))
        inside = self.scope.child(self.id)
        items: list[BatchItem[Any]] = []
        for index in range(len(self._specs)):
            was_done = summary.was_done(index)
            if was_done is False or (was_done is None and not self._has_ended(index)):
                items.append(self._item(index, {index}))
                continue
            operation = self._begin(inside, index)
            with suppress(Exception):  # it is in the item
                await operation
            items.append(self._item(index, set()))
        return self._result(items, summary.completion_reason)

    def _has_ended(self, index: int) -> bool:
        raw = self.scope.journal.recorded.get(operation_id(f"{self.id}-{index}"))
        return raw is not None and wire.decode_operation(raw).is_terminal

    def _item(self, index: int, undone: set[int]) -> BatchItem[Any]:
        name = self._specs[index].name
        if index not in self._begun or index in undone:
            return BatchItem(index, name, "STARTED")
        branch = self._begun[index][0]
        if branch.payload is not None:
            return BatchItem(index, name, "SUCCEEDED", branch.value)
        return BatchItem(index, name, "FAILED", error=branch.error or asyncio.CancelledError())

    def _record_of(self, item: BatchItem[Any]) -> wire.ErrorObject:
        record = self._begun[item.index][0].record
        return record or describe(item.error or asyncio.CancelledError())

    async def _store(self, items: list[BatchItem[Any]], reason: CompletionReason) -> BatchResult[Any]:
        begun = len(self._begun)
        stored = [
            StoredItem(
                item.index,
                item.status,
                self._raw_result_of(item) if item.status == "SUCCEEDED" else NULL,
                self._record_of(item) if item.status == "FAILED" else None,
            )
            for item in items[:begun]
        ]
        result = self._result(items, reason)
        if self.codec is not None:
            payload, result = round_trip(self.codec, result)
        else:
            payload = StoredBatch(stored, reason, None if begun == len(items) else len(items)).encode()
        if len(payload.encode()) <= REPLAY_CHILDREN_THRESHOLD:
            await self.conclude(self.update("SUCCEED", payload=payload))
            return result
        summary = summarise(f"{self.sub_type}Result", items, begun, reason, result.status)
        await self.conclude(
            self.update(
                "SUCCEED",
                payload=msgspec.json.encode(summary).decode(),
                context_options=ContextOptions(replay_children=True),
            )
        )
        return result

    def _raw_result_of(self, item: BatchItem[Any]) -> msgspec.Raw:
        branch = self._begun[item.index][0]
        return embedded(branch.codec, branch.payload or "null")

    def _stored_result(self, payload: str | None) -> BatchResult[Any]:
        stored = decode_batch(payload)
        if not stored.might_have(len(self._specs)):
            raise determinism.resized(self, stored.total_count or len(stored.all), len(self._specs))
        items = [BatchItem[Any](index, spec.name, "STARTED") for index, spec in enumerate(self._specs)]
        for each in stored.all:
            spec = self._specs[each.index]
            branch = self._branch(self.scope, spec, virtual=False)
            if each.status == "SUCCEEDED":
                value = branch.codec.decode(unembedded(branch.codec, each.result))  # without tags by now
                items[each.index] = BatchItem(each.index, spec.name, each.status, value)
            elif each.status == "FAILED":
                error = failure(branch, each.error or wire.ErrorObject(), ChildContextError)
                items[each.index] = BatchItem(each.index, spec.name, each.status, error=error)
        return self._result(items, stored.completion_reason)

    def _result(self, items: list[BatchItem[Any]], reason: CompletionReason) -> BatchResult[Any]:
        failed = sum(item.status == "FAILED" for item in items)
        succeeded = sum(item.status == "SUCCEEDED" for item in items)
        is_met = self.completion.is_met(reason, BatchProgress(len(items), succeeded, failed))
        return BatchResult(items, reason, is_met, self.code, self.name, self.id)


def _check_count(value: int | None, option: str, verb: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(
            f"{option} of {verb}() must be a whole number from 1, not {value!r}; leave it out for no such bound"
        )

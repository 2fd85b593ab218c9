"""The operations of a mock context, for both kinds of handlers: what is prepared is given, all else is carried out.

Written once, as coroutines. An `async def` handler awaits them; a `def` handler has them run to their end, which they
come to without waiting, since all that it may hand them is a `def`. What is carried out is recorded as the checkpoints
that it would have sent, each alone; nothing is stored, and no time passes between the attempts of a step.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, TypeAlias
from uuid import UUID

from durable_lambda.arguments import check_callable, check_name
from durable_lambda.batch import BatchItem, BatchResult
from durable_lambda.completion import BatchProgress, Completion
from durable_lambda.errors import DurableError, WaitForConditionError
from durable_lambda.loop import CURRENT
from durable_lambda.operations.callback import CallbackHandle
from durable_lambda.operations.step import StepAttempt
from durable_lambda.retry import Poll, Retry, retry_policy
from durable_lambda.runtime.ids import operation_id
from durable_lambda.runtime.strand import BodyStrand
from durable_lambda.testing.loops import kept_loop, run_blocking
from durable_lambda.testing.mock_script import Prepared, Script, batch_result, decoded, unprepared
from durable_lambda.values import UNSET, Codec, codec_for, result_codec, round_trip

ARN = "arn:aws:lambda:us-east-1:000000000000:function:mock:$LATEST/durable-execution/mock/mock"


Branch: TypeAlias = tuple[str | None, Callable[..., Any], tuple[Any, ...]]
"""A branch of a batch: its name, its function, and what that gets before the context."""


class MockOperations:
    """What a mock context and its child contexts share.

    Args:
        script: What is prepared.
        now: What `ctx.now()` gives.
        patches: What `ctx.patched(name)` gives; `True` for other names.
        make_context: Makes the context that a child's function gets.
    is_blocking: Whether they are a `def` handler's.
    """

    def __init__(
        self,
        script: Script,
        now: datetime,
        patches: dict[str, bool],
        make_context: Callable[[MockOperations], Any],
        *,
        is_blocking: bool,
    ) -> None:
        self.script = script
        self.now = now
        self.patches = patches
        self.is_blocking = is_blocking
        self._make_context = make_context
        self._calls = 0
        self._draws = 0
        self._callbacks: dict[str, Prepared] = {}

    def next_id(self) -> str:
        """The id of the operation that is being called."""
        self._calls += 1
        return operation_id(str(self._calls))

    def draw(self) -> Random:
        """Numbers that are the same in every run of the test."""
        self._draws += 1
        return Random(self._draws)

    def uuid(self) -> UUID:
        return UUID(int=self.draw().getrandbits(128), version=4)

    async def step(
        self,
        prepared: Prepared | None,
        name: str | None,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        retry: Retry | int | None,
        codec: Codec[Any],
    ) -> Any:
        if prepared is not None:
            return prepared.give(codec)
        policy = retry_policy(retry)
        key = self.next_id()
        attempt = 0
        while True:
            attempt += 1
            start = [("step", name, "START")]
            try:
                value = round_trip(codec, await self._body(key, name, attempt, fn, args))[1]
            except Exception as error:
                delay = policy.delay_after(error, attempt)
                self.script.sent(*start, ("step", name, "FAIL" if delay is None else "RETRY"))
                if delay is None:
                    raise
            else:
                self.script.sent(*start, ("step", name, "SUCCEED"))
                return value

    async def wait(self, prepared: Prepared | None, name: str | None) -> None:
        if prepared is not None:
            prepared.give(None)
            return
        self.script.sent(("wait", name, "START"))
        raise unprepared("wait", name, f"with_wait({name!r})")

    async def create_callback(self, prepared: Prepared | None, name: str | None) -> CallbackHandle:
        key = self.next_id()
        if prepared is None:
            self.script.sent(("callback", name, "START"))
            prepared = Prepared("callback", name, "STARTED", callback_id=f"callback-{self._calls}")
        self._callbacks[key] = prepared
        return CallbackHandle(prepared.callback_id or "", key, name)

    async def callback_result(self, handle: CallbackHandle, codec: Codec[Any] | None) -> Any:
        prepared = self._callbacks.get(handle.operation_id)
        if prepared is None:
            raise AssertionError(f"callback {handle.name!r} was not created with this mock context")
        return prepared.give(codec, f" (callback_id: {handle.callback_id})")

    async def wait_for_callback(
        self,
        prepared: Prepared | None,
        name: str | None,
        submitter: Callable[..., Any],
        args: tuple[Any, ...],
        codec: Codec[Any],
    ) -> Any:
        if prepared is not None:
            return prepared.give(codec, f" (callback_id: {prepared.callback_id})")
        key = self.next_id()
        callback_id = f"callback-{self._calls}"
        self.script.sent(("callback", name, "START"))
        await self._body(key, name, 1, submitter, (callback_id, *args))
        self.script.sent(("step", name, "START"), ("step", name, "SUCCEED"))
        way = f"with_callback({name!r}, {callback_id!r}, result)"
        raise unprepared("callback", name, way, f" (callback_id: {callback_id})")

    async def condition(
        self,
        prepared: Prepared | None,
        name: str | None,
        check: Callable[[Any], Any],
        *,
        initial_state: Any,
        until: Callable[[Any], bool],
        poll: Poll,
        codec: Codec[Any] | None = None,
    ) -> Any:
        codec = codec or result_codec(check)
        if prepared is not None:
            return prepared.give(codec)
        key, state, attempt = self.next_id(), initial_state, 0
        while True:
            attempt += 1
            state = round_trip(codec, await self._body(key, name, attempt, check, (state,)))[1]
            delay = poll.delay_after(attempt)
            is_met = bool(until(state))
            action = "SUCCEED" if is_met else "FAIL" if delay is None else "RETRY"
            self.script.sent(("step", name, "START"), ("step", name, action))
            if is_met:
                return state
            if delay is None:
                raise WaitForConditionError(
                    f"wait_for_condition {name!r} was not met after {attempt} checks", operation_name=name
                )

    async def invoke(self, prepared: Prepared | None, name: str | None, function: str, codec: Codec[Any]) -> Any:
        if prepared is not None:
            return prepared.give(codec, f" (function: {function})")
        self.script.sent(("invoke", name, "START"))
        raise unprepared("invoke", name, f"with_invoke({name!r}, result)", f" (function: {function})")

    async def child(
        self,
        prepared: Prepared | None,
        name: str | None,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        codec: Codec[Any],
        virtual: bool = False,
    ) -> Any:
        if prepared is not None:
            return prepared.give(codec)
        try:
            value = decoded(codec, await self._code(fn, args))
        except Exception:
            self._end("child_context", name, "FAIL", virtual=virtual)
            raise
        self._end("child_context", name, "SUCCEED", virtual=virtual)
        return value

    async def with_retry(
        self, prepared: Prepared | None, name: str | None, fn: Callable[..., Any], args: tuple[Any, ...], retry: Any
    ) -> Any:
        if prepared is not None:
            return prepared.give(result_codec(fn))
        policy = retry_policy(retry)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._code(fn, args)
            except DurableError:
                raise
            except Exception as error:
                if policy.delay_after(error, attempt) is None:
                    raise

    async def batch(
        self,
        prepared: Prepared | None,
        kind: str,
        name: str | None,
        branches: Sequence[Branch],
        completion: Completion | None,
    ) -> BatchResult[Any]:
        """Branches one after another, until the batch is decided."""
        if prepared is not None:
            if prepared.status != "SUCCEEDED":
                prepared.give(None)
            return batch_result(prepared.value, lambda index: branches[index][0], name)
        rule = completion or Completion.all_successful()
        items: list[BatchItem[Any]] = []
        failed = 0
        reason = rule.decide(BatchProgress(len(branches), 0, 0))
        for index, (branch, fn, args) in enumerate(branches):
            if reason is not None:
                items.append(BatchItem(index, branch, "STARTED"))
                continue
            try:
                items.append(BatchItem(index, branch, "SUCCEEDED", await self._code(fn, args)))
            except Exception as error:
                failed += 1
                items.append(BatchItem(index, branch, "FAILED", error=error))
            self.script.sent((kind, branch, "SUCCEED" if items[-1].error is None else "FAIL"))
            reason = rule.decide(BatchProgress(len(branches), index + 1 - failed, failed))
        self.script.sent((kind, name, "SUCCEED"))
        done = [item for item in items if item.status != "STARTED"]
        progress = BatchProgress(len(branches), len(done) - failed, failed)
        final = reason or "ALL_COMPLETED"
        return BatchResult(items, final, rule.is_met(final, progress), f"{kind.upper()}_FAILED", name)

    async def first(
        self, prepared: Prepared | None, name: str | None, branches: dict[str, Callable[..., Any]]
    ) -> tuple[str, Any]:
        if prepared is not None:
            return prepared.give(None)
        listed = [(key, fn, ()) for key, fn in branches.items()]
        batch = await self.batch(None, "parallel", name, listed, Completion.first_successful())
        batch.results()
        winner = batch.succeeded[0]
        return str(winner.name), winner.result

    def _end(self, kind: str, name: str | None, action: str, *, virtual: bool) -> None:
        if not virtual:
            self.script.sent((kind, name, action))

    async def _code(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        result = fn(*args, self._make_context(self))
        return await result if inspect.isawaitable(result) else result

    async def _body(
        self, key: str, name: str | None, attempt: int, fn: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        invocation: Any = _NoInvocation()
        scope: Any = SimpleNamespace(invocation=invocation, parent_id=None)
        outside = CURRENT.get()
        CURRENT.set(BodyStrand(invocation, StepAttempt(attempt, name, key, scope), None))
        try:
            result = fn(*args)
            if not inspect.isawaitable(result):
                return result
            return run_blocking(partial(_wait_for, result)) if self.is_blocking else await result
        finally:
            CURRENT.set(outside)


class _NoInvocation:
    """What a body and its tasks belong to where there is no invocation."""

    arn = ARN
    lambda_context = None
    ready = 0

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """It ends when it ends."""

    def interrupted(self, error: BaseException) -> None:
        raise error

    def settled(self) -> None:
        """Nothing is suspended."""


def _wait_for(result: Awaitable[Any]) -> Any:
    async def waits() -> Any:
        return await result

    return kept_loop().run_until_complete(waits())


def codec_of(fn: Callable[..., Any], result_type: Any, codec: Codec[Any] | None = None) -> Codec[Any]:
    """How a call's result is read."""
    if codec is not None:
        return codec
    return result_codec(fn) if result_type is UNSET else codec_for(result_type)


def checked(name: str | None, verb: str, fn: object = None) -> None:
    """Raise `ValidationError` for a name or a function that the real context would refuse."""
    check_name(name, verb)
    if fn is not None:
        check_callable(fn, verb)


DEFAULT_NOW = datetime(2025, 1, 1, tzinfo=UTC)

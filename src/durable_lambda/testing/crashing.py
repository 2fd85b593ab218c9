"""Kills a run at a moment: the process is gone, with everything that was not stored.

The moments are those at which something has just become true that a crash can lose: a body has ended and is not stored,
a checkpoint is about to be stored, a checkpoint was stored and the function does not know yet, an invocation has
answered and the engine has not heard it. They are counted as they come; a run with the same seed has the same ones.

A killed run's loop is stopped where it stands and never goes on. What hangs on it is ended later, when the outcome of
the run has been looked at: a killed process runs no `finally`.
"""

from __future__ import annotations

import asyncio
import inspect
import random
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import partial
from typing import Any, Final, Literal, NoReturn, TypeAlias, TypeVar

import msgspec

from durable_lambda.arguments import is_async
from durable_lambda.operations.attempts import attempts_ended
from durable_lambda.operations.deterministic import NOW
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse, DurableBackend, ExecutionState
from durable_lambda.protocol.hosting import DurableFunction, LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.call import Call
from durable_lambda.testing.loops import VirtualLoop
from durable_lambda.testing.rehearsals import RunnerRehearsal

T = TypeVar("T")

When: TypeAlias = Literal["body", "unsent", "stored", "answer"]

_SPREAD_SECONDS: Final = 0.02
"""Virtual seconds by which bodies are shifted against each other, to have them end in another order."""


class Moment(msgspec.Struct, frozen=True):
    """A moment at which a run can be killed. `number` counts from 1."""

    number: int
    when: When
    what: str

    def __str__(self) -> str:
        return {
            "body": f"after the body of {self.what} had run, before that was sent",
            "unsent": f"before the checkpoint of {self.what} was stored",
            "stored": f"after the checkpoint of {self.what} was stored, before the function knew",
            "answer": f"after the function had answered {self.what}, before the engine knew",
        }[self.when]


class Effect(msgspec.Struct):
    """One run of a body."""

    operation_id: str
    label: str
    attempt: int
    source: str
    has_ended: bool = False


class CrashRehearsal(RunnerRehearsal):
    """Args:
    target: the number of the moment to be killed at; 0 for none.
    order: in which order bodies end that run beside each other, as a seed; 0 for the natural one.
    """

    def __init__(self, now: Callable[[], int], *, always_replay: bool, target: int = 0, order: int = 0) -> None:
        super().__init__(now, always_replay=always_replay)
        self._target = target
        self._order = order
        self._lock = threading.Lock()  # bodies on threads end beside the loop
        self._on_threads = 0
        self._all_back = threading.Condition(self._lock)
        self.loop: VirtualLoop | None = None
        """The loop of the process that lives; given by who drives it. Nobody lives between a kill and the next one."""
        self.moments: list[Moment] = []
        self.effects: list[Effect] = []
        self.keyed: set[str] = set()
        """Operations whose body asked for its idempotency key."""
        self.killed_at: Moment | None = None
        self.most_at_once = 0
        """How many bodies were under way beside each other at most: asked for, and not yet ended."""
        self._under_way: set[str] = set()

    def wait_for_threads(self, seconds: float) -> None:
        """Bodies on threads cannot be killed: wait until they have ended."""
        with self._all_back:
            self._all_back.wait_for(lambda: not self._on_threads, seconds)

    def noticed_key(self, operation_id: str) -> None:
        self.keyed.add(operation_id)

    def moment(self, when: When, what: str, loop: asyncio.AbstractEventLoop) -> bool:
        """Something has become true. Returns whether the process was killed by that, or before."""
        with self._lock:
            if loop is not self.loop:
                return True  # what is left of a process that was killed
            moment = Moment(len(self.moments) + 1, when, what)
            self.moments.append(moment)
            if moment.number != self._target:
                return False
            self.killed_at = moment
            self.loop = None
        return True

    def function(self, function: DurableFunction) -> DurableFunction:
        return _CrashingFunction(super().function(function), self)

    def body(self, call: Call[Any], fn: Callable[..., Any]) -> Callable[..., Any]:
        source = _source(fn)
        fn = super().body(call, fn)
        if call.sub_type == NOW:
            return fn
        with self._lock:
            self._under_way.add(call.id)
            self.most_at_once = max(self.most_at_once, len(self._under_way))
        return self._watched_async(call, fn, source) if is_async(fn) else self._watched(call, fn, source)

    def _watched_async(self, call: Call[Any], fn: Callable[..., Any], source: str) -> Callable[..., Any]:
        async def body(*args: Any) -> Any:
            loop = asyncio.get_running_loop()
            if loop is not self.loop:
                await hang()
            effect = self._begin(call, source)
            try:
                await self._shift(effect, "begin")
                return await fn(*args)
            finally:
                if loop is self.loop:
                    await self._shift(effect, "end")
                    await self._end(effect, loop)

        return body

    def _watched(self, call: Call[Any], fn: Callable[..., Any], source: str) -> Callable[..., Any]:
        loop = call.scope.invocation.loop

        def body(*args: Any) -> Any:
            with self._lock:
                self._on_threads += 1
            effect = self._begin(call, source)
            try:
                result = fn(*args)
            except BaseException as error:
                self._has_ended(effect)
                if not self._order or not isinstance(error, Exception):
                    raise
                result = _InItsTurn(partial(self._shift, effect, "end"), error=error)
            else:
                if inspect.isawaitable(result):
                    result = self._awaited(result, effect, loop)
                else:
                    self._has_ended(effect)
                    result = _InItsTurn(partial(self._shift, effect, "end"), result) if self._order else result
            finally:
                with self._all_back:
                    self._on_threads -= 1
                    self._all_back.notify_all()
            return result

        return body

    async def _awaited(self, result: Any, effect: Effect, loop: asyncio.AbstractEventLoop) -> Any:
        try:
            return await result
        finally:
            await self._end(effect, loop)

    def _begin(self, call: Call[Any], source: str) -> Effect:
        journal = call.scope.journal
        state = journal.state(call.id) if journal.is_watched(call.id) else None
        effect = Effect(call.id, call.label, attempts_ended(state) + 1, source)
        with self._lock:
            self.effects.append(effect)
        return effect

    def _has_ended(self, effect: Effect) -> None:
        effect.has_ended = True
        with self._lock:
            self._under_way.discard(effect.operation_id)

    async def _end(self, effect: Effect, loop: asyncio.AbstractEventLoop) -> None:
        self._has_ended(effect)
        if self.moment("body", effect.label, loop):
            await self.die(loop)

    async def _shift(self, effect: Effect, side: str) -> None:
        """Let others go first, or not: the same body always waits as long in an order, also after a crash."""
        if self._order:
            place = random.Random(f"{self._order}/{effect.operation_id}/{effect.attempt}/{side}")
            await asyncio.sleep(place.uniform(0, _SPREAD_SECONDS))

    async def die(self, loop: asyncio.AbstractEventLoop) -> NoReturn:
        """The process is gone: nothing that is ready runs any more, and this never returns."""
        assert isinstance(loop, VirtualLoop)
        loop.drop()
        await hang()


class _InItsTurn:
    """What a body on a thread has come to, for the loop to await: there when those have ended that come before it.

    No coroutine: of a process that dies meanwhile nobody awaits it.
    """

    def __init__(
        self, turn: Callable[[], Coroutine[Any, Any, None]], result: Any = None, *, error: Exception | None = None
    ) -> None:
        self._turn = turn
        self._result = result
        self._error = error

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from self._turn().__await__()
        if self._error is not None:
            raise self._error
        return self._result


async def hang() -> NoReturn:
    """Never return; be cancelled when what is left is cleared away."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody completes it")


class _CrashingFunction:
    """A durable function whose process can be killed."""

    def __init__(self, function: DurableFunction, rehearsal: CrashRehearsal) -> None:
        self._function = function
        self._rehearsal = rehearsal
        self.name = function.name

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext
    ) -> InvocationOutput:
        names = _Names(invocation.initial_execution_state.operations)
        output = await self._function.invoke(
            invocation, _CrashingBackend(backend, self._rehearsal, names), lambda_context
        )
        loop = asyncio.get_running_loop()
        if self._rehearsal.moment("answer", output.status, loop):
            await self._rehearsal.die(loop)
        return output


class _Names:
    """What operations are called, for messages: an update of a known operation does not tell."""

    def __init__(self, operations: Sequence[wire.RawOperation]) -> None:
        self._known = {each.id: each.name for each in map(wire.decode_operation, operations)}

    def of(self, updates: Sequence[OperationUpdate]) -> str:
        told: list[str] = []
        for update in updates:
            if update.name is not None:
                self._known[update.id] = update.name
            name = update.name or self._known.get(update.id)
            kind = update.type.lower().replace("chained_", "")
            told.append(f"{kind} {name!r} {update.action}" if name else f"{kind} {update.action}")
        return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


class _CrashingBackend:
    """The engine's two calls, around which the process can be killed."""

    def __init__(self, backend: DurableBackend, rehearsal: CrashRehearsal, names: _Names) -> None:
        self._backend: Any = backend
        self._rehearsal = rehearsal
        self._names = names

    async def checkpoint(
        self, arn: str, checkpoint_token: str, updates: Sequence[OperationUpdate], client_token: str | None = None
    ) -> CheckpointResponse:
        loop = asyncio.get_running_loop()
        what = self._names.of(updates)
        if updates and self._rehearsal.moment("unsent", what, loop):
            await self._rehearsal.die(loop)
        response: CheckpointResponse = await self._backend.checkpoint(arn, checkpoint_token, updates, client_token)
        if updates and self._rehearsal.moment("stored", what, loop):
            await self._rehearsal.die(loop)
        return response

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        return await self._backend.get_execution_state(arn, checkpoint_token, marker, max_items)

    def watch(self, arn: str, on_change: Callable[[], None]) -> Callable[[], None]:
        return self._backend.watch(arn, on_change)


def _source(fn: Callable[..., Any]) -> str:
    """Where a body is written."""
    code = getattr(inspect.unwrap(getattr(fn, "func", fn)), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(fn)

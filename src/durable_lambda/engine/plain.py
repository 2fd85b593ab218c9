"""Plain functions: what an invoke may call that is not durable.

Such a function is called as Lambda calls one, with an event and a context, and answers with a value. An `async def`
runs on the engine's loop, any other callable on a thread; a thread cannot be stopped, so when its time is over its
answer is discarded.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from durable_lambda.engine.machine.queued import DEFAULT_EVENT_CONFIG, EventConfig
from durable_lambda.engine.values import decode_value
from durable_lambda.errors import SerializationError
from durable_lambda.loop import working_elsewhere
from durable_lambda.protocol.hosting import LambdaContext

MAX_THREADS: Final = 64
"""Plain functions that run on threads at the same time, in this process; more wait their turn."""


@functools.cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="durable-plain")


@dataclass(frozen=True, slots=True)
class PlainFunction:
    """A function as it was registered; the time-out is in seconds."""

    name: str
    fn: Callable[[Any, Any], Any]
    invocation_timeout: float
    events: EventConfig = DEFAULT_EVENT_CONFIG
    """What is done for an event that nobody waits for."""

    async def call(self, payload: str | None, context: LambdaContext) -> str:
        """Its answer as JSON. Without a payload the event is `{}`, as the service has it. Raises what it raises."""
        event: Any = {} if payload is None else decode_value(f"event of {self.name!r}", payload)
        result = self.fn(event, context) if _is_async(self.fn) else await self._call_on_thread(event, context)
        if inspect.isawaitable(result):
            result = await result
        try:
            return msgspec.json.encode(result).decode()
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
            raise SerializationError(f"the result of {self.name!r} cannot be written as JSON: {error}") from error

    async def _call_on_thread(self, event: Any, context: LambdaContext) -> Any:
        with working_elsewhere(asyncio.get_running_loop()):
            return await asyncio.wrap_future(_threads().submit(_call, self.fn, event, context))


def _call(fn: Callable[[Any, Any], Any], event: Any, context: LambdaContext) -> Any:
    try:
        return fn(event, context)
    except StopIteration as error:  # no future can carry it; a coroutine turns it into the same
        raise RuntimeError("the function raised StopIteration") from error


def _is_async(fn: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004

"""The operations of a `def` context whose bodies run in the thread that calls them."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from durable_lambda.arguments import is_async
from durable_lambda.loop import CURRENT
from durable_lambda.operations.attempts import Attempted
from durable_lambda.operations.body import Body
from durable_lambda.operations.condition import Condition
from durable_lambda.operations.deterministic import Now
from durable_lambda.operations.step import Step
from durable_lambda.runtime.bridge import Hop, Meeting
from durable_lambda.runtime.errand import detached
from durable_lambda.runtime.sync_scope import InThread

T = TypeVar("T")


class AttemptedInThread(InThread[T], Attempted[T]):
    """A STEP operation whose attempts run in the calling thread."""

    __slots__ = ()

    async def run_body(self, body: Body) -> Any:
        handled = sys.exception()
        try:
            result = body.run_here()
        except BaseException as error:
            detached(error, handled)
            raise
        if not inspect.isawaitable(result):
            return result
        invocation = self.scope.invocation
        strand = CURRENT.get()
        assert strand is not None

        def begin(_: Meeting[Any]) -> asyncio.Future[Any]:
            return invocation.spawn(_awaited(result), strand)

        return await Hop(begin)


async def _awaited(result: Awaitable[T]) -> T:
    return await result


class StepInThread(AttemptedInThread[T], Step[T]):
    """`step`."""

    __slots__ = ()


def step_type(fn: Callable[..., Any], timeout: object) -> type[Step[Any]]:
    """What the call of a step is: a body that the loop runs, or that has a deadline, is left to the loop."""
    return StepInThread if timeout is None and not is_async(fn) else Step


class NowInThread(AttemptedInThread[datetime], Now):
    """`now`."""

    __slots__ = ()


class ConditionInThread(AttemptedInThread[T], Condition[T]):
    """`wait_for_condition`."""

    __slots__ = ()

"""`with_retry`: a block of operations, tried again as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from durable_lambda.arguments import check_name
from durable_lambda.operations.child import ChildContext
from durable_lambda.operations.wait import Wait
from durable_lambda.retry import Retry, retry_policy
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec

T = TypeVar("T")


class WithRetry(ChildContext[T]):
    """A child context whose function is run again after a durable wait, as long as a policy says so.

    Each run goes on counting where the last one ended, so the operations of every attempt are in the history.
    """

    __slots__ = ("retry",)

    verb = "with_retry"

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        retry: Retry | int | None,
        result_type: Any,
        codec: Codec[T] | None,
    ) -> None:
        super().__init__(scope, name, fn, args, virtual=False, result_type=result_type, codec=codec)
        self.retry = retry

    def prepare(self) -> None:
        super().prepare()
        check_name(self._wait_name(retry_policy(self.retry).max_attempts), self.verb)

    def _wait_name(self, attempt: int) -> str | None:
        return None if self.name is None else f"{self.name}-backoff-{attempt}"

    async def code(self) -> T:
        policy = retry_policy(self.retry)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self.inside.call(self.fn, self.args)
            except Exception as error:
                delay = policy.delay_after(error, attempt)
                if delay is None:
                    raise
            await self.inside.start(Wait(self.inside, self._wait_name(attempt), delay))

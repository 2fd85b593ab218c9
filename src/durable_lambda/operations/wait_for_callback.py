"""`wait_for_callback`: a callback, the step that hands its id to whoever will answer, and the answer, in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from durable_lambda.arguments import Duration, check_callable, check_name
from durable_lambda.errors import CallbackError, CallbackSubmitterError
from durable_lambda.failures import error_type_name, text_of
from durable_lambda.operations.callback import CallbackResult, CreateCallback, callback_options
from durable_lambda.operations.child import ChildContext
from durable_lambda.operations.step import Step
from durable_lambda.retry import Retry, retry_policy
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec


class WaitForCallback(ChildContext[Any]):
    """A CONTEXT around a CALLBACK and the STEP that submits it."""

    __slots__ = ("answer_codec", "result_type", "retry", "timers")

    sub_type = "WaitForCallback"
    verb = "wait_for_callback"
    kind = "callback"
    fallback = CallbackError

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        submitter: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        timeout: Duration | None,
        heartbeat_timeout: Duration | None,
        retry: Retry | int | None,
        result_type: Any,
        codec: Codec[Any] | None,
    ) -> None:
        super().__init__(scope, name, submitter, args, virtual=False, result_type=result_type, codec=codec)
        self.answer_codec = codec
        self.timers = timeout, heartbeat_timeout
        self.retry = retry
        self.result_type = result_type

    @property
    def new_operations(self) -> int:
        return 3  # the callback and the step that submits it

    def prepare(self) -> None:
        check_name(self.name, self.verb)
        check_name(f"{self._prefix}create callback id", self.verb)  # the longer one of the two inside
        check_callable(self.fn, self.verb)
        callback_options(*self.timers, self.verb)
        retry_policy(self.retry)

    @property
    def _prefix(self) -> str:
        return f"{self.name} " if self.name is not None else ""

    async def code(self) -> Any:
        scope = self.inside
        handle = await scope.start(CreateCallback(scope, f"{self._prefix}create callback id", *self.timers))
        submit: Step[Any] = Step(
            scope,
            f"{self._prefix}submitter",
            self.fn,
            (handle.callback_id, *self.args),
            retry=self.retry,
        )
        try:
            await scope.start(submit)
        except Exception as error:
            raise CallbackSubmitterError(
                f"the submitter of callback {self.name!r} (callback_id: {handle.callback_id}) failed: "
                f"{error_type_name(type(error))}: {text_of(error)}",
                callback_id=handle.callback_id,
                operation_name=self.name,
                operation_id=self.id,
                error_type=error_type_name(type(error)),
                error_message=text_of(error),
            ) from error
        return await scope.read(CallbackResult(scope, handle, self.result_type, raw=False, codec=self.answer_codec))

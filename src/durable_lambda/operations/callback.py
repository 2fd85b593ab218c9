"""`create_callback` and `callback_result`: let the outside world answer.

Two phases. The first makes a callback and returns its id at once, to be handed to whoever will answer; it never
suspends, and never fails because the callback did. The second reads the answer: a value, a failure, or nothing yet, in
which case the invocation may be suspended. Code between the two runs whatever became of the callback.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

import msgspec

from durable_lambda.arguments import Duration, check_name, whole_seconds
from durable_lambda.errors import (
    CallbackError,
    CallbackExternalError,
    CallbackTimeoutError,
    CheckpointError,
    DeserializationError,
    ValidationError,
)
from durable_lambda.failures import fields_of
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.limits import MAX_CALLBACK_TIMEOUT_SECONDS
from durable_lambda.protocol.updates import CallbackOptions
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec, check_codec, codec_for, told

T = TypeVar("T")


class CallbackHandle(msgspec.Struct, frozen=True):
    """A callback that was created: hand `callback_id` to whoever will answer, read it with `callback_result`."""

    callback_id: str
    operation_id: str
    name: str | None = None


class CreateCallback(Call[CallbackHandle]):
    """The first phase: one START, answered with the callback's id."""

    __slots__ = ("_options", "timers")

    type = "CALLBACK"
    sub_type = "Callback"
    verb = "create_callback"
    kind = "callback"

    def __init__(
        self, scope: Scope, name: str | None, timeout: Duration | None, heartbeat_timeout: Duration | None
    ) -> None:
        super().__init__(scope, name)
        self.timers = timeout, heartbeat_timeout

    def prepare(self) -> None:
        check_name(self.name, "create_callback")
        self._options = callback_options(*self.timers, self.verb)

    def replay(self, recorded: wire.Operation) -> Operation[CallbackHandle]:
        self.watch(recorded)
        try:
            return Operation(self._handle(recorded))
        except CheckpointError as error:
            return Operation.failed(error)

    async def execute(self, recorded: wire.Operation | None) -> CallbackHandle:
        self.watch(recorded)
        await self.conclude(self.update("START", callback_options=self._options), at_once=True)
        return self._handle(self.scope.journal.state(self.id))

    def _handle(self, state: wire.Operation | None) -> CallbackHandle:
        details = state.callback_details if state is not None else None
        if details is None or not details.callback_id:
            raise CheckpointError(
                f"the service gave no callback id for {self.label} (operation {self.id})",
                operation_name=self.name,
                operation_id=self.id,
            )
        return CallbackHandle(details.callback_id, self.id, self.name)


def callback_options(timeout: Duration | None, heartbeat_timeout: Duration | None, verb: str) -> CallbackOptions:
    """The timers of a callback on the wire. Raises `ValidationError` when one is out of bounds."""
    timers = {"timeout": timeout, "heartbeat_timeout": heartbeat_timeout}
    seconds = [
        0
        if duration is None
        else whole_seconds(duration, f"{option} of {verb}()", minimum=1, maximum=MAX_CALLBACK_TIMEOUT_SECONDS)
        for option, duration in timers.items()
    ]
    return CallbackOptions(*seconds)


class CallbackResult(Call[Any]):
    """The second phase: it reads, and is no operation of its own."""

    __slots__ = ("codec", "handle")

    type = "CALLBACK"
    sub_type = "Callback"
    verb = "callback_result"
    kind = "callback"

    def __init__(
        self, scope: Scope, handle: CallbackHandle, result_type: Any, *, raw: bool, codec: Codec[Any] | None
    ) -> None:
        if not isinstance(handle, CallbackHandle):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValidationError(
                f"callback_result() takes what create_callback() gave, not {handle!r}; write "
                'handle = await ctx.create_callback("name") and then await ctx.callback_result(handle)'
            )
        super().__init__(scope, handle.name)
        self.id = handle.operation_id
        self.handle = handle
        if codec is not None:
            check_codec(codec, f"{self.verb}()")
            if raw:
                raise ValidationError("callback_result() takes raw=True or codec=, not both: raw is the string itself")
        self.codec: Codec[Any] | None = None if raw else codec or codec_for(result_type)
        if not self._is_ours():
            raise ValidationError(
                f"callback {handle.name!r} was not created by this execution's code: callback_result() reads the "
                "handles that create_callback() gave in the same run"
            )

    def _is_ours(self) -> bool:
        """Operation ids are positions, the same in every execution: the callback's id tells whose it is."""
        journal = self.scope.journal
        state = journal.state(self.id) if journal.is_watched(self.id) else None
        details = state.callback_details if state is not None else None
        return details is not None and details.callback_id == self.handle.callback_id

    def replay(self, recorded: wire.Operation) -> Operation[Any] | None:
        if not recorded.is_terminal:
            return None
        try:
            return Operation(self._read(recorded))
        except (CallbackError, DeserializationError) as error:
            return Operation.failed(error)

    async def execute(self, recorded: wire.Operation | None) -> Any:
        state = self.scope.journal.state(self.id)
        while state is None or not state.is_terminal:
            state = await self.change(self.suspended(f" (callback_id: {self.handle.callback_id})"))
        return self._read(state)

    def _read(self, state: wire.Operation) -> Any:
        details = state.callback_details or wire.CallbackDetails()
        if state.status != "SUCCEEDED":
            self._fail(state, details.error or wire.ErrorObject())
        if details.result is None or self.codec is None:
            return details.result
        try:
            return self.codec.decode(details.result)
        except Exception as error:  # also of a codec of the user's
            raise DeserializationError(
                f"the result of callback {self.name!r} (callback_id: {self.handle.callback_id}): {told(error)}",
                operation_name=self.name,
                operation_id=self.id,
            ) from error

    def _fail(self, state: wire.Operation, error: wire.ErrorObject) -> NoReturn:
        cls = {"FAILED": CallbackExternalError, "TIMED_OUT": CallbackTimeoutError}.get(state.status, CallbackError)
        cause = [error.error_type or (None if error.error_message or error.error_data else state.status)]
        cause.append(error.error_message or error.error_data)
        raise cls(
            f"callback failed for operation {self.name!r} (callback_id: {self.handle.callback_id}): "
            + ": ".join(text for text in cause if text),
            callback_id=self.handle.callback_id,
            operation_name=self.name,
            operation_id=self.id,
            **fields_of(error),
        )

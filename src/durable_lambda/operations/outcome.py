"""What operations that run user code have in common: what they accept, store and raise."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from durable_lambda.errors import (
    CallbackError,
    CallbackExternalError,
    CallbackSubmitterError,
    CallbackTimeoutError,
    DeserializationError,
    OperationError,
    SerializationError,
    StepError,
    StepInterruptedError,
    ValidationError,
)
from durable_lambda.failures import fields_of
from durable_lambda.protocol.limits import MAX_OPERATION_PAYLOAD
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import UNSET, Codec, Layered, check_codec, codec_for, read_payload, result_codec, told

T = TypeVar("T")

_WIDEST_CHARACTER = 4  # bytes of UTF-8

_COUNTERPARTS: dict[tuple[type[OperationError], str], type[OperationError]] = {
    (fallback, f"aws_durable_execution_sdk_python.exceptions.{name}"): cls
    for fallback, name, cls in (
        (StepError, "StepInterruptedError", StepInterruptedError),
        (CallbackError, "CallbackExternalError", CallbackExternalError),
        (CallbackError, "CallbackTimeoutError", CallbackTimeoutError),
        (CallbackError, "StepError", CallbackSubmitterError),
    )
}
"""What the official SDK recorded of a failure of its own, where ours has more to say of it than the fallback."""


def check_branch(branch: object, which: str, verb: str) -> None:
    """Raises `ValidationError` for a branch that is no function of a context."""
    if callable(branch):
        return
    if inspect.iscoroutine(branch):
        branch.close()
        raise ValidationError(
            f"branch {which} of {verb}() is the coroutine {branch.__qualname__}(…): pass the function itself, which is "
            f"called with a context of its own, {branch.__name__} and not {branch.__name__}(…); for arguments before "
            f"the context write functools.partial({branch.__name__}, …)"
        )
    raise ValidationError(f"branch {which} of {verb}() must be a function of a context, not {branch!r}")


def check_classes(raises: object) -> None:
    """Raises `ValidationError` when `raises=` is no tuple of exception classes."""
    if not isinstance(raises, tuple) or not all(
        isinstance(cls, type) and issubclass(cls, BaseException)
        for cls in raises  # pyright: ignore[reportUnknownVariableType]
    ):
        raise ValidationError(f"raises= takes a tuple of exception classes, not {raises!r}: raises=(PaymentDeclined,)")


def check_size(call: Call[Any], payload: str) -> None:
    """Raises `SerializationError` when a result is over the service's limit: an error of this operation alone."""
    if len(payload) * _WIDEST_CHARACTER <= MAX_OPERATION_PAYLOAD:
        return
    size = len(payload.encode())
    if size > MAX_OPERATION_PAYLOAD:
        raise SerializationError(
            f"the result of {call.label} is {size} bytes, the limit is {MAX_OPERATION_PAYLOAD} (operation payload, AWS "
            "Lambda quotas): store it elsewhere and return where it is",
            operation_name=call.name,
            operation_id=call.id,
        )


def codec_of(
    scope: Scope, verb: str, declared: Codec[Any] | None, fn: Callable[..., Any], result_type: Any
) -> Codec[Any]:
    """How a result is stored: by the codec of the call, else by its type; and by the handler's codec around that.

    Raises `ValidationError` for what is no codec, and for an annotation that cannot be resolved or decoded.
    """
    codec = declared
    if codec is not None:
        check_codec(codec, f"{verb}()")
    else:
        codec = result_codec(fn) if result_type is UNSET else codec_for(result_type)
    around = scope.invocation.codec
    return codec if around is None else Layered(codec, around)


def stored(call: Call[Any], codec: Codec[T], payload: str | None) -> Operation[T]:
    """The operation of a recorded result."""
    try:
        return Operation(read_payload(codec, payload))
    except Exception as error:  # also of a codec of the user's
        return Operation.failed(unreadable(call, error))


def unwritable(call: Call[Any], error: Exception) -> SerializationError:
    """The error of a result that cannot be stored."""
    return SerializationError(f"the result of {call.label}: {error}", operation_name=call.name, operation_id=call.id)


def unreadable(call: Call[Any], error: Exception) -> DeserializationError:
    """The error of a recorded result that cannot be read as the type that the code asks for."""
    unread = DeserializationError(
        f"the recorded result of {call.label}: {told(error)}", operation_name=call.name, operation_id=call.id
    )
    unread.__cause__ = error
    return unread


def failure(
    call: Call[Any],
    record: ErrorObject,
    fallback: type[OperationError],
    *,
    named: Iterable[type[BaseException]] = (),
    original: BaseException | None = None,
) -> BaseException:
    """The exception of a recorded failure, by the same rule on the first run and on replay.

    Args:
        call: Whose failure it is.
        record: What was recorded.
        fallback: What it is when it cannot be rebuilt as itself.
        named: Exception classes that the call names.
        original: On the first run, what was raised: its traceback is kept.
    """

    def fallen_back() -> BaseException:
        cause = ": ".join(text for text in (record.error_type, record.error_message) if text)
        return _COUNTERPARTS.get((fallback, record.error_type or ""), fallback)(
            f"{call.kind} failed for operation {call.name!r}: {cause}",
            operation_name=call.name,
            operation_id=call.id,
            **fields_of(record),
        )

    return call.scope.invocation.classes.rebuild(record, fallen_back, named, original)

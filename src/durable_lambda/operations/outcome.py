"""What operations that run user code have in common: what they accept, store and raise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from durable_lambda.errors import DeserializationError, OperationError, SerializationError, ValidationError
from durable_lambda.failures import fields_of
from durable_lambda.protocol.limits import MAX_OPERATION_PAYLOAD
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.operation import Operation
from durable_lambda.values import Codec

T = TypeVar("T")

_WIDEST_CHARACTER = 4  # bytes of UTF-8


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


def stored(call: Call[Any], codec: Codec[T], payload: str | None) -> Operation[T]:
    """The operation of a recorded result."""
    try:
        return Operation(codec.decode("null" if payload is None else payload))
    except DeserializationError as error:
        return Operation.failed(unreadable(call, error))
    except Exception as error:  # of a codec of the user's
        return Operation.failed(error)


def unwritable(call: Call[Any], error: Exception) -> SerializationError:
    """The error of a result that cannot be stored."""
    return SerializationError(f"the result of {call.label}: {error}", operation_name=call.name, operation_id=call.id)


def unreadable(call: Call[Any], error: Exception) -> DeserializationError:
    """The error of a recorded result that cannot be read as the type that the code asks for."""
    return DeserializationError(
        f"the recorded result of {call.label}: {error}", operation_name=call.name, operation_id=call.id
    )


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
    rebuilt = call.scope.invocation.classes.rebuild(record, named)
    if rebuilt is None:
        cause = ": ".join(text for text in (record.error_type, record.error_message) if text)
        rebuilt = fallback(
            f"{call.kind} failed for operation {call.name!r}: {cause}",
            operation_name=call.name,
            operation_id=call.id,
            **fields_of(record),
        )
    return rebuilt if original is None else rebuilt.with_traceback(original.__traceback__)

"""Exceptions to the wire's error objects and back, by one rule for the first run and for every replay.

An exception is recorded as its qualified class name, its text, its arguments and attributes, and its stack. It is
rebuilt as itself when its class is found again: a builtin, one of this package's errors, a class in a module that was
loaded when the function was loaded, or one that the call names. Nothing is imported because a record names it, and no
`__init__` of a user's class is called. What cannot be found comes back as the fallback that the operation has.

The first run goes through the same record, so `except PaymentDeclined` catches the same the first time and every time.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, cast

import msgspec

from durable_lambda.errors import ErrorFields, OperationError
from durable_lambda.protocol.operations import ErrorObject

MAX_STACK_ENTRIES: Final = 50
MAX_MESSAGE: Final = 64 * 1024
MAX_DATA: Final = 256 * 1024
MAX_STACK_LINE: Final = 2 * 1024
"""Bytes; what is longer is cut (a message) or left out (arguments, attributes), so that an error always fits."""

CANCELLED: Final = "asyncio.CancelledError"


class RecordedException(msgspec.Struct, omit_defaults=True):
    """What `ErrorData` holds of an exception of ours: JSON values only."""

    args: list[Any]
    attributes: dict[str, Any] = {}
    binary: list[int] = []
    """The places of arguments that are bytes, and stand here in base64."""
    exceptions: list[ErrorObject] = []
    """The parts of a group; its `args` have the message alone."""


_decode_recorded = msgspec.json.Decoder(RecordedException).decode


def error_type_name(cls: type[BaseException]) -> str:
    """The name of an exception class on the wire: a builtin without its module, any other with it."""
    if cls is asyncio.CancelledError:
        return CANCELLED
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def describe(error: BaseException) -> ErrorObject:
    """The record of an exception. Arguments and attributes that are no JSON values are left out."""
    message = text_of(error)
    data = msgspec.json.encode(_record(error, message)).decode()
    return ErrorObject(
        error_type=error_type_name(type(error)),
        error_message=message,
        error_data=data if len(data.encode()) <= MAX_DATA else None,
        stack_trace=_stack(error.__traceback__),
    )


def _record(error: BaseException, message: str) -> RecordedException:
    attributes = {
        key: value
        for key, value in vars(error).items()
        if not key.startswith("__") and (value is None or _json_or_none(value) is not None)
    }
    if isinstance(error, BaseExceptionGroup):
        parts = cast("tuple[BaseException, ...]", error.exceptions)  # pyright: ignore[reportUnknownMemberType]
        return RecordedException([error.message], attributes, exceptions=[describe(part) for part in parts])
    args = error.args
    if isinstance(error, OSError) and error.filename is not None:
        args = (error.errno, error.strerror, error.filename, None, error.filename2)
    binary = [place for place, value in enumerate(args) if isinstance(value, bytes)]
    kept = [value if place in binary else _json_or_none(value) for place, value in enumerate(args)]
    if any(now is None and before is not None for now, before in zip(kept, args, strict=True)):
        return RecordedException([message], attributes)
    return RecordedException(kept, attributes, binary)


def fields_of(record: ErrorObject) -> ErrorFields:
    """What a record says, as the arguments of an `OperationError`."""
    return {
        "error_type": record.error_type,
        "error_message": record.error_message,
        "error_data": record.error_data,
        "stack_trace": record.stack_trace,
    }


def _json_or_none(value: object) -> object:
    """The value when JSON gives it back equal, else `None`."""
    try:
        return value if msgspec.json.decode(msgspec.json.encode(value)) == value else None
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return None


def text_of(error: BaseException) -> str:
    """The text of an exception, whatever its `__str__` does, in Unicode that can be encoded."""
    try:
        text = str(error)
    except Exception as broken:  # a user's `__str__` must not hide the error
        return f"<no text: {type(broken).__name__}>"
    return _cut(text, MAX_MESSAGE)


def _cut(text: str, size: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return encoded.decode() if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "…"


def _stack(trace: TracebackType | None) -> list[str] | None:
    """The frames outside this package, innermost last."""
    shown: list[TracebackType] = []
    while trace is not None:
        if "/durable_lambda/" not in trace.tb_frame.f_code.co_filename.replace("\\", "/"):
            shown.append(trace)
        trace = trace.tb_next
    # One by one: to look up the lines of a frame costs more than all the rest, and most frames are not shown.
    entries = [entry for each in shown[-MAX_STACK_ENTRIES:] for entry in traceback.extract_tb(each, limit=1)]
    return [_cut(line.rstrip(), MAX_STACK_LINE) for line in traceback.format_list(entries)] or None


class ExceptionClasses:
    """The exception classes that records may be rebuilt into: a snapshot of the loaded modules."""

    def __init__(self, modules: Collection[str] | None = None) -> None:
        self._modules = frozenset(sys.modules if modules is None else modules)
        self._found: dict[str, type[BaseException] | None] = {}

    def find(self, name: str, named: Iterable[type[BaseException]] = ()) -> type[BaseException] | None:
        """The class of a recorded type name, among those that a call names and then in the snapshot."""
        for cls in named:
            if error_type_name(cls) == name:
                return cls
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> type[BaseException] | None:
        if name == CANCELLED:
            return asyncio.CancelledError
        path = name.split(".")
        for split in range(len(path) - 1, -1, -1):
            module = ".".join(path[:split]) or "builtins"
            if module in self._modules and module in sys.modules:
                return _class_at(sys.modules[module], path[split:], name)
        return None

    def rebuild(self, error: ErrorObject, named: Iterable[type[BaseException]] = ()) -> BaseException | None:
        """The exception of a record, or `None` when its class is not among the known ones."""
        cls = self.find(error.error_type, named) if error.error_type else None
        if cls is None:
            return None
        try:
            return self._made(cls, _recorded(error))
        except Exception:  # its class has other ideas of how it is made
            return None

    def _made(self, cls: type[BaseException], recorded: RecordedException) -> BaseException:
        args: list[Any] = [
            b64decode(value) if place in recorded.binary else value for place, value in enumerate(recorded.args)
        ]
        if recorded.exceptions:
            args.append([self._part(part) for part in recorded.exceptions])
        # A builtin keeps some of it outside `args` (`SystemExit.code`), so its own part is initialised; no user's is.
        base = next(each for each in cls.__mro__ if each.__module__ == "builtins")
        exception = base.__new__(cls, *args)
        base.__init__(exception, *args)
        vars(exception).update(recorded.attributes)
        return exception

    def _part(self, part: ErrorObject) -> BaseException:
        rebuilt = self.rebuild(part)
        if rebuilt is not None:
            return rebuilt
        return OperationError(
            ": ".join(text for text in (part.error_type, part.error_message) if text),
            **fields_of(part),
        )


def _class_at(module: object, path: list[str], name: str) -> type[BaseException] | None:
    found: object = module
    for part in path:  # `__dict__`, not `getattr`: a module's `__getattr__` may import
        members: Mapping[str, object] = getattr(found, "__dict__", {})
        found = members.get(part)
    if isinstance(found, type) and issubclass(found, BaseException) and error_type_name(found) == name:
        return found
    return None


def _recorded(error: ErrorObject) -> RecordedException:
    try:
        return _decode_recorded(error.error_data or "")
    except msgspec.MsgspecError:  # recorded by another SDK
        return RecordedException([] if error.error_message is None else [error.error_message])

"""Exceptions to the wire's error objects, for the first run and for every replay alike.

An exception is recorded as its qualified class name, its text, its stack, what it carries (`carried`), and the
exceptions that it hangs on: its cause, its context, the parts of a group. `rebuilding` makes the same exception of
that. The first run goes through the same record, so `except PaymentDeclined` catches the same the first time and every
time.
"""

from __future__ import annotations

import asyncio
import traceback
from contextlib import suppress
from types import CodeType, MemberDescriptorType, TracebackType
from typing import Any, Final, NoReturn, cast

import msgspec

from durable_lambda.carried import Unrecordable, carried, class_name
from durable_lambda.errors import ErrorFields
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.validation_errors import is_validation_error, told_by

MAX_STACK_ENTRIES: Final = 50
MAX_OTHERS_STACK_ENTRIES: Final = 5
MAX_OTHERS: Final = 1_000
"""Exceptions that one hangs on, its parts included."""
MAX_BARE_PARTS: Final = 100
"""Parts of a group that is too large to be recorded with what they carry."""
MAX_MESSAGE: Final = 64 * 1024
MAX_BARE_MESSAGE: Final = 1024
MAX_DATA: Final = 256 * 1024
MAX_STACK_LINE: Final = 2 * 1024
"""Bytes; what is longer is cut (a message) or left out (links, arguments, attributes), so that an error always fits."""

MAX_KEPT_ENTRIES: Final = 500
"""Of stack traces."""

CANCELLED: Final = "asyncio.CancelledError"


class RecordedException(msgspec.Struct, omit_defaults=True):
    """What `ErrorData` holds of an exception of ours: JSON values only.

    Exceptions may hang on each other in a ring, so they are a list: `others`, of the outermost one. A number that
    stands for an exception is 0 for the outermost one, and its place among them from 1.
    """

    args: list[Any]
    attributes: dict[str, Any] = {}
    left_out: list[str] = []
    """The names of the attributes that have no form in JSON."""
    notes: list[str] = []
    exceptions: list[int] = []
    """The parts of a group; its `args` have the message alone."""
    cause: int | None = None
    context: int | None = None
    """What was being handled when it was raised, where Python tells that."""
    others: list[RecordedException] = []
    type: str = ""
    """This, the text and the last lines of the stack: of one of `others`. The `ErrorObject` has the outermost one's."""
    message: str = ""
    stack: list[str] | None = None


def error_type_name(cls: type[BaseException]) -> str:
    """The name of an exception class on the wire: a builtin without its module, any other with it."""
    if cls is asyncio.CancelledError:
        return CANCELLED
    return cls.__qualname__ if cls.__module__ == "builtins" else class_name(cls)


def describe(error: BaseException) -> ErrorObject:
    """The record of an exception. What it carries that has no form in JSON is left out."""
    data = _Recording(error).json()
    if len(data) > MAX_DATA:
        data = _Recording(error, links=False).json()
    if len(data) > MAX_DATA:
        data = _Recording(error, links=False, bare=True).json()
    return ErrorObject(
        error_type=error_type_name(type(error)),
        error_message=text_of(error),
        error_data=data.decode() if len(data) <= MAX_DATA else None,
        stack_trace=_stack(error.__traceback__, MAX_STACK_ENTRIES),
    )


def fields_of(record: ErrorObject) -> ErrorFields:
    """What a record says, as the arguments of an `OperationError`."""
    return {
        "error_type": record.error_type,
        "error_message": record.error_message,
        "error_data": record.error_data,
        "stack_trace": record.stack_trace,
    }


def raise_as_recorded(error: BaseException) -> NoReturn:
    """Raise an exception with the context that was recorded, not with the exception that is being handled here."""
    context = error.__context__
    try:
        raise error
    finally:
        object.__setattr__(error, "__context__", context)  # a frozen dataclass may be an exception


def text_of(error: BaseException) -> str:
    """The text of an exception, whatever its `__str__` does, in Unicode that can be encoded."""
    try:
        text = str(error)
    except Exception as broken:  # a user's `__str__` must not hide the error
        return f"<no text: {type(broken).__name__}>"
    return _cut(text, MAX_MESSAGE)


class _Recording:
    """An exception and those that it hangs on, each of them once.

    Args:
        error: The exception.
        links: Whether causes and contexts are recorded, and the stacks of other exceptions.
        bare: Whether nothing is but types and texts, and of a large group its first parts.
    """

    def __init__(self, error: BaseException, *, links: bool = True, bare: bool = False) -> None:
        self._links = links
        self._bare = bare
        self._errors = [error]
        self._numbers = {id(error): 0}

    def json(self) -> bytes:
        outermost = self._record(self._errors[0])
        number = 1
        while number < len(self._errors):  # recording one may add others
            error = self._errors[number]
            record = self._record(error)
            record.type, record.message = error_type_name(type(error)), self._text(error)
            record.stack = _stack(error.__traceback__, MAX_OTHERS_STACK_ENTRIES) if self._links else None
            outermost.others.append(record)
            number += 1
        return msgspec.json.encode(outermost)

    def _number(self, error: BaseException) -> int:
        """The number of an exception. Raises `Unrecordable` when there are too many."""
        number = self._numbers.get(id(error))
        if number is None:
            if len(self._errors) > MAX_OTHERS:
                raise Unrecordable("too many exceptions")
            number = self._numbers[id(error)] = len(self._errors)
            self._errors.append(error)
        return number

    def _record(self, error: BaseException) -> RecordedException:
        attributes, left_out = self._attributes(error)
        record = RecordedException(self._args(error), attributes, left_out, _notes(error))
        parts = _parts(error)
        if self._bare:
            record.notes = []
            parts = parts[:MAX_BARE_PARTS]
        with suppress(Unrecordable):
            for part in parts:
                record.exceptions.append(self._number(part))
        if left := len(_parts(error)) - len(record.exceptions):
            record.notes.append(f"{left} more exceptions of this group are not recorded: there are too many")
        if self._links:
            record.cause = self._linked(error.__cause__)
            record.context = None if error.__suppress_context__ else self._linked(error.__context__)
        return record

    def _linked(self, error: BaseException | None) -> int | None:
        try:
            return None if error is None else self._number(error)
        except Unrecordable:
            return None

    def _text(self, error: BaseException) -> str:
        return _cut(text_of(error), MAX_BARE_MESSAGE if self._bare else MAX_MESSAGE)

    def _args(self, error: BaseException) -> list[Any]:
        if isinstance(error, BaseExceptionGroup):
            return [_cut(error.message, MAX_BARE_MESSAGE if self._bare else MAX_MESSAGE)]
        args = error.args
        if isinstance(error, OSError) and error.filename is not None:
            args = (error.errno, error.strerror, error.filename, None, error.filename2)
        if not self._bare:
            with suppress(Unrecordable, RecursionError):
                return [carried(value, self._number) for value in args]
        return [text_of(error) if self._numbers[id(error)] == 0 else self._text(error)]

    def _attributes(self, error: BaseException) -> tuple[dict[str, Any], list[str]]:
        kept: dict[str, Any] = {}
        left_out: list[str] = []
        if not self._bare:
            for key, value in _attributes_of(error).items():
                try:
                    kept[key] = carried(value, self._number)
                except (Unrecordable, RecursionError):
                    left_out.append(key)
        return kept, left_out


def _attributes_of(error: BaseException) -> dict[str, Any]:
    """What an exception has beside `args`: in its `__dict__`, in slots, and what some builtins keep apart."""
    if is_validation_error(type(error)):
        return told_by(error)
    found = {key: value for key, value in vars(error).items() if not key.startswith("__")}
    apart = slots_of(type(error))
    if isinstance(error, (ImportError, NameError, AttributeError)):
        apart = [*apart, "name", "path"]
    return found | {name: value for name in apart if (value := _own(error, name)) is not None}


def _own(error: BaseException, name: str) -> Any:
    """What an exception has under a name, without the `__getattr__` of its class, which may do anything."""
    with suppress(AttributeError):
        return object.__getattribute__(error, name)
    return None


def slots_of(cls: type) -> list[str]:
    """The names of the slots that a class and its bases have, those of builtins aside."""
    return [
        name
        for each in cls.__mro__
        if each.__module__ != "builtins"
        for name, member in vars(each).items()
        if isinstance(member, MemberDescriptorType)
    ]


def _notes(error: BaseException) -> list[str]:
    notes: object = vars(error).get("__notes__")
    if not isinstance(notes, list):
        return []
    return [_cut(note, MAX_MESSAGE) for note in cast("list[object]", notes) if isinstance(note, str)]


def _parts(error: BaseException) -> tuple[BaseException, ...]:
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("tuple[BaseException, ...]", error.exceptions)  # pyright: ignore[reportUnknownMemberType]


def _cut(text: str, size: int) -> str:
    encoded = text.encode("utf-8", "replace")
    return encoded.decode() if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "…"


def place_of(error: BaseException) -> str | None:
    """The line of user code that raised an exception."""
    frames = _summaries(_shown(error.__traceback__, 1))
    return f"{frames[-1].filename}:{frames[-1].lineno}, in {frames[-1].name}" if frames else None


def _stack(trace: TracebackType | None, most: int) -> list[str] | None:
    shown = _shown(trace, most)
    if len(shown) > len({each.tb_frame.f_code for each in shown}):  # a recursion, of which some lines are left out
        return [_cut(line.rstrip(), MAX_STACK_LINE) for line in traceback.format_list(_summaries(shown))]
    return [_entry(each) for each in shown] or None


def _entry(trace: TracebackType) -> str:
    """A frame as it stands in a stack trace.

    It is kept: to look up its line costs more than all the rest of a record, and what is tried again mostly fails at
    the same place.
    """
    code = trace.tb_frame.f_code
    place = (code.co_filename, code, trace.tb_lasti)  # equal codes may be of different files
    entry = _entries.get(place)
    if entry is None:
        (line,) = traceback.format_list(traceback.extract_tb(trace, limit=1))
        entry = _cut(line.rstrip(), MAX_STACK_LINE)
        if len(_entries) >= MAX_KEPT_ENTRIES:
            _entries.clear()
        _entries[place] = entry
    return entry


_entries: dict[tuple[str, CodeType, int], str] = {}


def _summaries(shown: list[TracebackType]) -> list[traceback.FrameSummary]:
    # One by one: to look up the lines of a frame is slow, and most frames are not shown.
    return [entry for each in shown for entry in traceback.extract_tb(each, limit=1)]


def _shown(trace: TracebackType | None, most: int) -> list[TracebackType]:
    """The innermost frames outside this package, innermost last."""
    shown: list[TracebackType] = []
    while trace is not None:
        if "/durable_lambda/" not in trace.tb_frame.f_code.co_filename.replace("\\", "/"):
            shown.append(trace)
        trace = trace.tb_next
    return shown[-most:]

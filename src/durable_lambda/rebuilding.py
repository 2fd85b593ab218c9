"""Error objects to the exceptions that they are a record of.

An exception is rebuilt as itself when its class is found again: a builtin, one of this package's errors, a class in a
module that was loaded when the function was loaded, or one that the call names. Nothing is imported because a record
names it, and no `__init__` of a user's class is called. What cannot be found comes back as a fallback.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from durable_lambda.carried import Unrecordable, class_name, uncarried
from durable_lambda.errors import OperationError
from durable_lambda.failures import CANCELLED, RecordedException, error_type_name, fields_of, slots_of
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.validation_errors import is_validation_error, remade

_decode_recorded = msgspec.json.Decoder(RecordedException).decode


class ExceptionClasses:
    """The classes that records may be rebuilt into: a snapshot of the loaded modules."""

    def __init__(self, modules: Collection[str] | None = None) -> None:
        self._modules = frozenset(sys.modules if modules is None else modules)
        self._found: dict[str, type | None] = {}

    def find(self, name: str, named: Iterable[type[BaseException]] = ()) -> type[BaseException] | None:
        """The exception class of a recorded type name, among those that a call names and then in the snapshot."""
        for cls in named:
            if error_type_name(cls) == name:
                return cls
        found = asyncio.CancelledError if name == CANCELLED else self.find_class(name)
        if found is None or not issubclass(found, BaseException) or error_type_name(found) != name:
            return None
        return found

    def find_class(self, name: str) -> type | None:
        """The class of a qualified name in the snapshot."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def _search(self, name: str) -> type | None:
        path = name.split(".")
        for split in range(len(path) - 1, -1, -1):
            module = ".".join(path[:split]) or "builtins"
            if module in self._modules and module in sys.modules:
                return _class_at(sys.modules[module], path[split:], name)
        return None

    def rebuild(
        self,
        record: ErrorObject,
        fallback: Callable[[], BaseException],
        named: Iterable[type[BaseException]] = (),
        original: BaseException | None = None,
    ) -> BaseException:
        """The exception of a record, with those that it hangs on.

        Args:
            record: What was recorded.
            fallback: Makes the exception when its class is not among the known ones.
            named: Exception classes that the call names.
            original: On the first run, what was raised: tracebacks are kept.
        """
        rebuilt = _Rebuilding(self, record, fallback, tuple(named)).outermost()
        if original is not None:
            _keep_tracebacks(rebuilt, original)
        return rebuilt


class _Rebuilding:
    """The exceptions of one record."""

    def __init__(
        self,
        classes: ExceptionClasses,
        record: ErrorObject,
        fallback: Callable[[], BaseException],
        named: tuple[type[BaseException], ...],
    ) -> None:
        self._classes = classes
        self._named = named
        self._fallback = fallback
        outermost = _recorded(record)
        outermost.type = record.error_type or ""
        self._records = [outermost, *outermost.others]
        self._made: dict[int, BaseException | None] = {}

    def outermost(self) -> BaseException:
        for number in reversed(range(len(self._records))):  # what one is made of comes after it
            self._error(number)
        for number, record in enumerate(self._records):
            self._link(self._error(number), record)
        return self._error(0)

    def _error(self, number: int) -> BaseException:
        """Raises `Unrecordable` for one that is asked for while it is made, or is not there."""
        if number in self._made:
            made = self._made[number]
            if made is None:
                raise Unrecordable("an exception that carries itself")
            return made
        if not 0 <= number < len(self._records):
            raise Unrecordable("an exception that is not recorded")
        self._made[number] = None
        error = self._made[number] = self._as_itself(number) or self._as_fallback(number)
        return error

    def _as_fallback(self, number: int) -> BaseException:
        if number == 0:
            return self._fallback()
        record = self._records[number]
        return OperationError(
            ": ".join(text for text in (record.type, record.message) if text),
            **fields_of(ErrorObject(record.type, record.message, None, record.stack)),
        )

    def _as_itself(self, number: int) -> BaseException | None:
        record = self._records[number]
        cls = self._classes.find(record.type, self._named) if record.type else None
        if cls is None:
            return None
        try:
            made = self._instance(cls, record)
        except Exception:  # its class has other ideas of how it is made
            return None
        if not _can_be_asked(made):
            vars(made).update(dict.fromkeys(record.left_out))
        return made if _can_be_asked(made) else None

    def _instance(self, cls: type[BaseException], record: RecordedException) -> BaseException:
        if is_validation_error(cls):
            return remade({key: self._value(form) for key, form in record.attributes.items()})
        try:
            args: list[Any] = [self._value(form) for form in record.args]
        except Unrecordable:  # a class that is not loaded here
            args = [record.message]
        if record.exceptions:
            args.append([self._error(part) for part in record.exceptions])
        # A builtin keeps some of it outside `args` (`SystemExit.code`), so its own part is initialised; no user's is.
        base: type[Any] = next(each for each in cls.__mro__ if each.__module__ == "builtins")
        exception: BaseException = base.__new__(cls, *args)
        base.__init__(exception, *args)
        apart = {"name", "path", *slots_of(cls)}
        for key, form in record.attributes.items():
            with suppress(Unrecordable):
                value = self._value(form)
                if key in apart and hasattr(cls, key):
                    object.__setattr__(exception, key, value)
                else:
                    vars(exception)[key] = value
        return exception

    def _value(self, form: Any) -> Any:
        try:
            return uncarried(form, self._classes.find_class, self._error)
        except Unrecordable:
            raise
        except Exception as error:  # a form that is not ours
            raise Unrecordable(str(error)) from error

    def _link(self, error: BaseException, record: RecordedException) -> None:
        if record.notes:
            vars(error)["__notes__"] = list(record.notes)
        for attribute, number in (("__context__", record.context), ("__cause__", record.cause)):
            if number is not None:
                with suppress(Unrecordable):
                    object.__setattr__(error, attribute, self._error(number))


def _can_be_asked(error: BaseException) -> bool:
    """Whether what is not there can be asked for, as whoever shows a traceback does.

    The `__getattr__` of a class may look into what the exception carried, such as the response of an `HTTPError`.
    """
    try:
        getattr(error, "__notes__", None)
    except Exception:
        return False
    return True


def _class_at(module: object, path: list[str], name: str) -> type | None:
    found: object = module
    for part in path:  # `__dict__`, not `getattr`: a module's `__getattr__` may import
        members: Mapping[str, object] = getattr(found, "__dict__", {})
        found = members.get(part)
    if not isinstance(found, type):
        return None
    return found if name == (found.__qualname__ if found.__module__ == "builtins" else class_name(found)) else None


def _recorded(error: ErrorObject) -> RecordedException:
    try:
        recorded = _decode_recorded(error.error_data or "")
    except msgspec.MsgspecError:  # recorded by another SDK
        recorded = RecordedException([] if error.error_message is None else [error.error_message])
    recorded.message = error.error_message or ""
    return recorded


def _keep_tracebacks(rebuilt: BaseException, original: BaseException) -> None:
    """Give the exceptions of a record the tracebacks of those that it was made from."""
    pairs: list[tuple[BaseException | None, BaseException | None]] = [(rebuilt, original)]
    seen: set[int] = set()
    while pairs:
        made, before = pairs.pop()
        if made is None or before is None or id(before) in seen:
            continue
        seen.add(id(before))
        made.with_traceback(before.__traceback__)
        pairs += [(made.__cause__, before.__cause__), (made.__context__, before.__context__)]
        if isinstance(made, BaseExceptionGroup) and isinstance(before, BaseExceptionGroup):
            pairs += zip(made.exceptions, before.exceptions, strict=False)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

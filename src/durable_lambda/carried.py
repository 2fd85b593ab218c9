"""What an exception carries, as JSON and back: its arguments and attributes, which have no declared type.

A value that JSON can say stands as it is. Any other is an object with the key `$`, which names its kind: a date, a
`Decimal`, a tuple, a member of an enum, an object with fields. Classes are found by their names among those that were
loaded with the function (`find`); nothing is imported, and no `__init__` or validator of theirs runs (a struct's
`__post_init__` does: there is no other way to make one), because data that names a class should not be able to make it
do anything. What has no form here is `Unrecordable`, and left out.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any, Final, cast
from uuid import UUID

import msgspec

from durable_lambda.fields import field_names, fields_of

TAG: Final = "$"
MAX_DEPTH: Final = 50
"""Of values in values; what is deeper is most likely a cycle."""


class Unrecordable(Exception):  # noqa: N818  # an outcome, not an error
    """A value that has no form here, or a recorded one whose class is not there."""


_SCALARS: Final[dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]] = {
    bytes: ("bytes", lambda value: b64encode(value).decode(), b64decode),
    bytearray: ("bytearray", lambda value: b64encode(value).decode(), lambda text: bytearray(b64decode(text))),
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds], lambda v: timedelta(*v)),
    Decimal: ("decimal", str, Decimal),
    UUID: ("uuid", str, UUID),
    complex: ("complex", lambda value: [repr(value.real), repr(value.imag)], lambda v: complex(*map(float, v))),
    float: ("float", repr, float),
}
_SEQUENCES: Final[dict[type, str]] = {tuple: "tuple", set: "set", frozenset: "frozenset"}
_CONTAINERS: Final = (list, dict, *_SEQUENCES)

_SCALAR_OF: Final = {kind: made for kind, _, made in _SCALARS.values()}
_SEQUENCE_OF: Final = {kind: made for made, kind in _SEQUENCES.items()}


def class_name(cls: type[Any]) -> str:
    """A class with its module."""
    return f"{cls.__module__}.{cls.__qualname__}"


def carried(value: Any, error: Callable[[BaseException], Any], depth: int = 0) -> Any:
    """A value as JSON can say it.

    Args:
        value: The value.
        error: The form of an exception in it.
        depth: In how many others it is.

    Raises:
        Unrecordable: It, or a part of it, has no form here.
    """
    if depth > MAX_DEPTH:
        raise Unrecordable("too deep")

    def inner(part: Any) -> Any:
        return carried(part, error, depth + 1)

    if isinstance(value, BaseException):
        return {TAG: "error", "value": error(value)}
    if isinstance(value, Enum):
        return _of_enum(value, inner)
    kind = cast("type[Any]", type(value))
    if kind in _SCALARS and (kind is not float or not math.isfinite(value)):
        name, write, _ = _SCALARS[kind]
        return {TAG: name, "value": write(value)}
    found = fields_of(value)
    if found is not None:
        return {TAG: "object", "class": _known(kind), "value": {key: inner(part) for key, part in found.items()}}
    return _of_container(value, inner) if isinstance(value, _CONTAINERS) else _of_json(value)


def _of_json(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):  # a subclass is what it is in JSON
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, str):
        return _text(value)
    raise Unrecordable(f"a value of type {class_name(type(value))}")


def _of_container(value: Any, inner: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [inner(part) for part in cast("list[Any]", value)]
    if isinstance(value, dict):
        members = cast("dict[Any, Any]", value)
        if all(type(key) is str for key in members) and TAG not in members:
            return {_text(key): inner(part) for key, part in members.items()}
        return {TAG: "dict", "value": [[inner(key), inner(part)] for key, part in members.items()]}
    kind = next(kind for made, kind in _SEQUENCES.items() if isinstance(value, made))
    return {TAG: kind, "value": [inner(part) for part in value]}


def _of_enum(value: Enum, inner: Callable[[Any], Any]) -> Any:
    name = value.name if value.name in type(value).__members__ else None
    if name is None and not isinstance(value, Flag):
        raise Unrecordable("a member of an enum without a name")
    return {TAG: "enum", "class": _known(type(value)), "value": name if name is not None else inner(value.value)}


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unrecordable(str(error)) from None
    return str(text)


def _known(cls: type[Any]) -> str:
    if "<locals>" in cls.__qualname__:
        raise Unrecordable(f"{cls.__qualname__} cannot be found by its name")
    return class_name(cls)


def uncarried(form: Any, find: Callable[[str], type | None], error: Callable[[Any], BaseException]) -> Any:
    """The value of a recorded form.

    Args:
        form: What `carried` gave, after JSON.
        find: The class of a name, or `None`.
        error: The exception of the form of one.

    Raises:
        Unrecordable: A class is not there, or is no longer what it was.
    """

    def inner(part: Any) -> Any:
        return uncarried(part, find, error)

    if isinstance(form, list):
        return [inner(part) for part in cast("list[Any]", form)]
    if not isinstance(form, dict):
        return form
    members = cast("dict[str, Any]", form)
    if TAG not in members:
        return {key: inner(part) for key, part in members.items()}
    kind, value = members[TAG], members["value"]
    if kind == "error":
        return error(value)
    if kind in ("enum", "object"):
        return _of_class(kind, find(members["class"]), value, inner)
    return _of_kind(kind, value, inner)


def _of_kind(kind: str, value: Any, inner: Callable[[Any], Any]) -> Any:
    if kind in _SCALAR_OF:
        return _SCALAR_OF[kind](value)
    if kind in _SEQUENCE_OF:
        return _SEQUENCE_OF[kind](inner(part) for part in value)
    return {inner(key): inner(part) for key, part in value}


def _of_class(kind: str, cls: type | None, value: Any, inner: Callable[[Any], Any]) -> Any:
    if cls is None:
        raise Unrecordable("its class is not there")
    return _member(cls, value) if kind == "enum" else _object(cls, {key: inner(part) for key, part in value.items()})


def _member(cls: type[Any], value: Any) -> Any:
    if issubclass(cls, Flag) and isinstance(value, int):
        return cls(value)
    if not issubclass(cls, Enum) or value not in cls.__members__:
        raise Unrecordable(f"{class_name(cls)} has no member {value!r}")
    return cls.__members__[value]


def _object(cls: Any, values: dict[str, Any]) -> Any:
    """An object with these fields, made without its `__init__`."""
    names = field_names(cls)
    if names is None:
        raise Unrecordable(f"{class_name(cls)} has no fields")
    if hasattr(cls, "model_construct"):
        return cls.model_construct(**values)
    if not values.keys() <= set(names):
        raise Unrecordable(f"{class_name(cls)} has other fields")
    if issubclass(cls, tuple):
        return tuple.__new__(cls, (values[name] for name in names))  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportUnknownArgumentType]  # of anything
    if issubclass(cls, msgspec.Struct):
        return cls(**values)
    made = cls.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)  # a frozen dataclass has one of its own
    return made

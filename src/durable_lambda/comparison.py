"""Whether a value came back from its record as it was.

A declared type makes something of a value: JSON's own types may become richer ones (a `dict` a dataclass, a `str` a
date), since that is what was asked for. The reverse is a loss, and so is an object that comes back as one of another
class, with the fields of that alone. What is compared is what JSON or a declared type can lose: classes, fields, keys,
precision. A list or a dict of plain values costs a few passes in C.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final, TypeAlias, cast

from durable_lambda.fields import field_names, fields_of

Change: TypeAlias = tuple[str, Any, Any]
"""A place in a value, what was there, and what came back: `MISSING` when nothing did."""


class _Missing:
    """What did not come back at all."""


MISSING: Final = _Missing()

_PLAIN: Final = frozenset({NoneType, bool, int, float, str})
_MADE_OF_PARTS: Final = (list, tuple, set, frozenset, dict)


def first_change(value: Any, returned: Any) -> Change | None:
    """The first part of a value that did not come back, or `None` when it is all there."""
    kind = cast("type[Any]", type(value))
    if kind in _PLAIN and kind is type(returned):
        return None if value == returned else ("", value, returned)
    if isinstance(value, dict):
        return _change_in_dict(cast("dict[Any, Any]", value), returned)
    if isinstance(value, list):
        return _change_in_list(cast("list[Any]", value), returned)
    if kind is tuple and isinstance(returned, tuple):
        return _change_in_sequence(value, cast("tuple[Any, ...]", returned))
    if kind is type(returned) and field_names(kind) is not None:
        return _change_in_object(value, returned)
    return None if _is_kept(kind, value, returned) else ("", value, returned)


def _under(step: str, change: Change) -> Change:
    """A change in a part, with the place of the part."""
    return f"{step}{change[0]}", change[1], change[2]


def _is_kept(kind: type[Any], value: Any, returned: Any) -> bool:
    """Whether what has no parts is there."""
    if kind in _PLAIN:
        return _is_plain_kept(value, returned)
    return _is_same(value, returned) if kind is type(returned) else _is_kept_as_base(value, returned)


def _is_plain_kept(value: Any, returned: Any) -> bool:
    """Whether one of JSON's own is there, as the richer one that it was declared to be."""
    if returned is MISSING:
        return False
    if isinstance(returned, (int, float)) and not isinstance(returned, Enum):
        return value == returned and type(value) is not bool and type(returned) is not bool
    return value is None or returned is not None


def _is_kept_as_base(value: Any, returned: Any) -> bool:
    """Whether it is equal, and of a class that the declared one is a base of (another library's `UUID`)."""
    if isinstance(value, (*_MADE_OF_PARTS, Enum)) or field_names(cast("type[Any]", type(value))) is not None:
        return False
    return isinstance(value, type(returned)) and bool(value == returned)


def _is_same(value: Any, returned: Any) -> bool:
    if isinstance(value, (set, frozenset)):
        return value == returned and _kinds(cast("set[Any]", value)) == _kinds(returned)
    if isinstance(value, (datetime, time)):
        return _is_same_time(value, returned)
    if isinstance(value, Decimal):
        return str(value) == str(returned)  # to the last zero; and of what is no number one is as good as another
    return bool(value == returned)


def _is_same_time(value: datetime | time, returned: datetime | time) -> bool:
    """Whether two show the same, with the same offset.

    They are not asked whether they are equal: of two zones, none are in an hour that a change of the clock repeats or
    leaves out (PEP 495); and a time whose offset depends on the day is equal to one that has no zone.
    """
    if value.tzinfo is None or returned.tzinfo is None:
        return value.tzinfo is returned.tzinfo and value == returned and value.fold == returned.fold
    if value.utcoffset() != returned.utcoffset():
        return False
    return value.replace(tzinfo=None, fold=0) == returned.replace(tzinfo=None, fold=0)


def _kinds(parts: Iterable[Any]) -> set[type]:
    return set(map(type, parts))


def _are_equal_and_plain(parts: Iterable[Any], others: Iterable[Any], value: object, returned: object) -> bool:
    kinds = _kinds(parts)
    return kinds <= _PLAIN and value == returned and kinds == _kinds(others)


def _change_in_list(value: list[Any], returned: Any) -> Change | None:
    if isinstance(returned, (list, tuple)):
        return _change_in_sequence(value, cast("list[Any]", returned))
    if _kinds(value) <= _PLAIN:
        return None
    is_set = isinstance(returned, (set, frozenset)) and set(value) == returned
    return None if is_set else ("", value, cast("Any", returned))


def _change_in_sequence(value: list[Any] | tuple[Any, ...], returned: list[Any] | tuple[Any, ...]) -> Change | None:
    if _are_equal_and_plain(value, returned, value, returned):
        return None
    if len(value) != len(returned):
        return "", value, returned
    for index, (before, after) in enumerate(zip(value, returned, strict=True)):
        change = first_change(before, after)
        if change is not None:
            return _under(f"[{index}]", change)
    return None


def _change_in_dict(value: dict[Any, Any], returned: Any) -> Change | None:
    if isinstance(returned, dict):
        return _change_in_members(value, cast("dict[Any, Any]", returned))
    found = fields_of(returned)
    if found is None:
        return None if _kinds(value.values()) <= _PLAIN else ("", value, returned)
    # A class takes what it declares of a dict, by whatever name.
    return _change_in_fields({key: part for key, part in value.items() if key in found}, found)


def _change_in_members(value: dict[Any, Any], returned: dict[Any, Any]) -> Change | None:
    if _are_equal_and_plain(value.values(), returned.values(), value, returned) and _kinds(value) == _kinds(returned):
        return None
    if len(value) != len(returned):
        missing = next((key for key in value if type(key) is str and key not in returned), None)
        return ("", value, returned) if missing is None else (f"[{missing!r}]", value[missing], MISSING)
    for (key, before), (new, after) in zip(value.items(), returned.items(), strict=True):
        is_parsed = type(key) is str and type(new) is not str
        if not is_parsed and (type(key) is not type(new) or not _is_same(key, new)):
            return f"[{key!r}]", key, new
        change = first_change(before, after)
        if change is not None:
            return _under(f"[{key!r}]", change)
    return None


def _change_in_object(value: Any, returned: Any) -> Change | None:
    """Of two objects of one class."""
    for name in field_names(cast("type[Any]", type(value))) or ():
        before, after = getattr(value, name, MISSING), getattr(returned, name, MISSING)
        change = first_change(before, after)
        if change is not None:
            return _under(f".{name}", change)
    extra = getattr(value, "__pydantic_extra__", None)
    return None if not extra else _change_in_fields(extra, getattr(returned, "__pydantic_extra__", None) or {})


def _change_in_fields(fields: dict[str, Any], returned: dict[str, Any]) -> Change | None:
    for name, before in fields.items():
        after = returned.get(name, MISSING)
        change = first_change(before, after)
        if change is not None:
            return _under(f".{name}", change)
    return None

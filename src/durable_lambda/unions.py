"""Unions of several classes, which JSON has no word for: `Approved | Rejected`, as a type by itself or in a container.

`msgspec` reads such a union where its structs are tagged, and refuses it for other classes. Here the classes are tried
in their order, and the first one is taken that makes the stored object again; failing that, the first one that can be
made. What is stored stays plain JSON. Classes that cannot be told apart are found when a value is written, since it
does not come back as it was. A union in a field of a class is the business of that class, and stays as it is.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable
from typing import Any, Final, Union

import msgspec

from durable_lambda.fields import field_names

_UNIONS: Final = (Union, types.UnionType)
_CONTAINERS: Final[tuple[Any, ...]] = (list, dict, tuple)


class _OfAnything(type):
    """`msgspec` asks whether what a hook made is of the type that it was made for."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Choice(metaclass=_OfAnything):
    """Stands for a union in a declared type, which has a subclass of it for each."""

    classes: tuple[Any, ...]
    others: Any
    """What it may be beside one of the classes, as a type; `None` when that is nothing."""


def with_choices(declared: Any) -> Any:
    """The type with each union of several classes in it replaced by a `Choice`; itself when there is none."""
    origin = typing.get_origin(declared)
    args = typing.get_args(declared)
    if origin in _UNIONS:
        classes = tuple(arg for arg in args if field_names(typing.get_origin(arg) or arg) is not None)
        if len(classes) > 1:
            return _choice(classes, tuple(arg for arg in args if arg not in classes))
        return _union([with_choices(arg) for arg in args])
    if origin not in _CONTAINERS:
        return declared
    replaced = tuple(with_choices(arg) for arg in args)
    return declared if replaced == args else origin[replaced]


def _union(members: list[Any]) -> Any:
    return Union[tuple(members)]  # noqa: UP007  # made at run time


@functools.lru_cache(maxsize=256)
def _choice(classes: tuple[Any, ...], others: tuple[Any, ...]) -> Any:
    rest = [other for other in others if other is not type(None)]
    members = {"classes": classes, "others": _union(rest) if rest else None}
    choice: Any = type("Choice", (Choice,), members)
    return choice if len(rest) == len(others) else choice | None


def chosen(choice: type[Choice], value: Any, read: Callable[[type[Any], Any], Any]) -> Any:
    """The object of stored JSON. Raises `msgspec.ValidationError` when none of the classes fits."""
    made: list[Any] = []
    errors: list[str] = []
    for cls in choice.classes:
        try:
            candidate = msgspec.convert(value, cls, str_keys=True, dec_hook=read)
        except msgspec.ValidationError as error:
            errors.append(f"{getattr(cls, '__name__', cls)}: {error}")
            continue
        if msgspec.json.decode(msgspec.json.encode(candidate)) == value:
            return candidate
        made.append(candidate)
    if made:
        return made[0]
    if choice.others is not None:
        return msgspec.convert(value, choice.others, str_keys=True, dec_hook=read)
    raise msgspec.ValidationError("it is none of these: " + "; ".join(errors))

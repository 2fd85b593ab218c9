"""Unions of several classes, which JSON has no word for: `Approved | Rejected`, alone, in a container or in a field.

`msgspec` reads such a union where its structs are tagged, and refuses it for other classes. Here the classes are tried
in their order, and the first one is taken that makes the stored object again; failing that, the first one that can be
made. What is stored stays plain JSON. Classes that cannot be told apart are found when a value is written, since it
does not come back as it was.

In a declared type that `msgspec` refuses, a `Choice` stands for such a union, and a `Shape` for a dataclass, whose
fields may have one. `msgspec` hands what is stored of them over to be made here. A dataclass is read by a copy of it,
whose fields have the stand-ins as their types; so `msgspec` still says what fits a field, and which default it has. In
a field of a `msgspec.Struct` or a named tuple unions need tags.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from typing import Any, Final, TypeAlias, Union, cast

import msgspec

from durable_lambda.fields import field_names

_UNIONS: Final = (Union, types.UnionType)
_CONTAINERS: Final[tuple[Any, ...]] = (list, dict, tuple, set, frozenset)

Read: TypeAlias = Callable[[Any, Any], Any]
"""Makes what `msgspec` cannot, of its type and of JSON: also for what is within a stand-in."""


class _OfAnything(type):
    """`msgspec` asks whether what a hook made is of the type that it was made for."""

    def __instancecheck__(cls, instance: object) -> bool:
        return True


class Choice(metaclass=_OfAnything):
    """Stands for a union in a declared type, which has a subclass of it for each."""

    classes: tuple[Any, ...]
    others: Any
    """What it may be beside one of the classes, as a type; `None` when that is nothing."""


class Shape(metaclass=_OfAnything):
    """Stands for a dataclass in a declared type."""

    made: type[Any]
    copy: type[Any]
    """Has the same fields, with stand-ins in their types."""


def with_stand_ins(declared: Any) -> Any:
    """The type with stand-ins in it; itself where there is nothing to stand for.

    Raises:
        TypeError: `msgspec` would refuse it all the same.
    """
    known: dict[Any, Any] = {}
    replaced = _replaced(declared, known)
    for shape in known.values():
        _check(shape.copy)
    return replaced


def _check(declared: Any) -> None:
    """Raises `TypeError` for what `msgspec` cannot read."""
    msgspec.json.Decoder(declared, dec_hook=lambda declared, value: value)


def _replaced(declared: Any, known: dict[Any, Any]) -> Any:
    origin = typing.get_origin(declared)
    args = typing.get_args(declared)
    if _is_dataclass(origin or declared):
        return _shape(declared, known)
    if origin in _UNIONS:
        return _union_of(args, known)
    if typing.is_typeddict(declared):
        return _typed_dict(declared, known)
    if origin not in _CONTAINERS:
        return declared
    replaced = tuple(_replaced(arg, known) for arg in args)
    return declared if replaced == args else origin[replaced]


def _is_dataclass(cls: Any) -> bool:
    return isinstance(cls, type) and hasattr(cls, "__dataclass_fields__")


def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def _union_of(args: tuple[Any, ...], known: dict[Any, Any]) -> Any:
    classes = tuple(arg for arg in args if field_names(typing.get_origin(arg) or arg) is not None)
    if len(classes) < 2:
        return _union([_replaced(arg, known) for arg in args])
    replaced = tuple(_replaced(cls, known) for cls in classes)
    for each in replaced:
        _check(each)
    others = [_replaced(arg, known) for arg in args if arg not in classes and arg is not type(None)]
    members = {"classes": replaced, "others": _union(others) if others else None}
    choice: Any = type("Choice", (Choice,), members)
    return choice | None if type(None) in args else choice


def _union(members: list[Any]) -> Any:
    return Union[tuple(members)]  # noqa: UP007  # made at run time


def _typed_dict(declared: Any, known: dict[Any, Any]) -> Any:
    fields: dict[str, Any] = {}
    for name, hint in _hints(declared).items():
        mark: Any = typing.Required if name in declared.__required_keys__ else typing.NotRequired
        of = hint
        if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
            mark, (of,) = typing.get_origin(hint), typing.get_args(hint)
        fields[name] = mark[_replaced(of, known)]
    return typing.TypedDict(declared.__name__, fields)  # type: ignore[operator]  # made at run time


def _shape(declared: Any, known: dict[Any, Any]) -> Any:
    cls: Any = typing.get_origin(declared) or declared
    import dataclasses  # late: loaded already by whoever made one, and not needed by anybody else

    if declared in known:
        return known[declared]
    hints = _hints(cls)
    if any(isinstance(hint, dataclasses.InitVar) for hint in hints.values()):
        raise TypeError(f"dataclasses with `InitVar` fields are not supported - type `{cls.__qualname__}`")
    shape: Any = type("Shape", (Shape,), {"made": cls})
    known[declared] = shape  # before its fields, which may have it in them
    arguments = dict(zip(getattr(cls, "__parameters__", ()), typing.get_args(declared), strict=False))
    fields = [
        (
            field.name,
            _replaced(_with_arguments(hints[field.name], arguments), known),
            dataclasses.field(default=field.default, default_factory=field.default_factory, kw_only=True),
        )
        for field in dataclasses.fields(cls)
    ]
    shape.copy = dataclasses.make_dataclass(cls.__name__, fields)
    return shape


def _with_arguments(hint: Any, arguments: dict[Any, Any]) -> Any:
    """The type of a field of a generic class, for the arguments that it has."""
    if hint in arguments:
        return arguments[hint]
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(arguments.get(each, each) for each in parameters)] if parameters and arguments else hint


def made_for(stand_in: type[Choice] | type[Shape], value: Any, read: Read) -> Any:
    """The object of stored JSON. Raises `msgspec.ValidationError` when it does not fit."""
    return _chosen(stand_in, value, read) if issubclass(stand_in, Choice) else _shaped(stand_in, value, read)


def _chosen(choice: type[Choice], value: Any, read: Read) -> Any:
    made: list[Any] = []
    errors: list[str] = []
    for cls in choice.classes:
        try:
            candidate = msgspec.convert(value, cls, str_keys=True, dec_hook=read)
        except msgspec.ValidationError as error:
            name = getattr(cls.made if hasattr(cls, "made") else cls, "__name__", cls)
            errors.append(f"{name}: {error}")
            continue
        if msgspec.json.decode(msgspec.json.encode(candidate)) == value:
            return candidate
        made.append(candidate)
    if made:
        return made[0]
    if choice.others is not None:
        return msgspec.convert(value, choice.others, str_keys=True, dec_hook=read)
    raise msgspec.ValidationError("it is none of these: " + "; ".join(errors))


def _shaped(shape: type[Shape], value: Any, read: Read) -> Any:
    copy = cast("object", msgspec.convert(value, shape.copy, str_keys=True, dec_hook=read))
    made = object.__new__(shape.made)
    for name, part in vars(copy).items():
        object.__setattr__(made, name, part)  # a frozen dataclass has one of its own
    if hasattr(made, "__post_init__"):
        try:
            made.__post_init__()
        except (TypeError, ValueError) as error:
            raise msgspec.ValidationError(str(error)) from error
    return made

"""Typed values to JSON and back.

A value comes back as the type that it is declared to have: by `result_type=`, else by the annotation of the callable.
The caller gets the decoded value on the first run too, so a replay cannot tell another story. Where nothing is declared
only JSON's own types are accepted: anything else would change its type between the first run and a replay, and is
refused at once.

`msgspec` does the work, and knows dataclasses, structs, typed dicts, named tuples, enums, dates, `Decimal`, `UUID`,
bytes, sets, tuples, unions and generics; pydantic does it where a type is its own (`models`). Codecs are made once a
type, resolved annotations kept once a function.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Never, NoReturn
from weakref import WeakKeyDictionary

from durable_lambda.codecs import (
    PLAIN,
    Codec,
    JsonCodec,
    Layered,
    read_payload,
    round_trip,
    to_json,
    told,
    write_payload,
)
from durable_lambda.errors import ValidationError
from durable_lambda.models import codec_of_models, concerns_pydantic

__all__ = [
    "UNSET",
    "Codec",
    "JsonCodec",
    "Layered",
    "check_codec",
    "codec_for",
    "parameter_type",
    "read_payload",
    "result_codec",
    "round_trip",
    "to_json",
    "told",
    "write_payload",
]


class Unset:
    """No value was given, where `None` is one."""


UNSET = Unset()


@functools.lru_cache(maxsize=1024)
def _codec_of_hashable(declared: Any) -> JsonCodec[Any]:
    return _codec_of_type(declared)


def _codec_of_type(declared: Any) -> JsonCodec[Any]:
    return codec_of_models(declared) if concerns_pydantic(declared) else JsonCodec(declared)


def codec_for(declared: Any) -> JsonCodec[Any]:
    """The codec of a declared type; `Any`, `object` and no declaration accept JSON's own types only.

    Raises `ValidationError` when the type cannot be decoded from JSON.
    """
    if declared is Any or declared is object or declared is UNSET or declared is inspect.Signature.empty:
        return PLAIN
    if declared is NoReturn or declared is Never:
        declared = None
    try:
        return _codec_of_hashable(declared)
    except TypeError:  # an annotation that has no hash
        return _codec_of_type(declared)


def check_codec(codec: object, where: str) -> None:
    """Raises `ValidationError` for what is no codec: an object with `encode` and `decode`."""
    methods = (getattr(codec, name, None) for name in ("encode", "decode"))
    if isinstance(codec, type) or not all(callable(method) for method in methods):
        raise ValidationError(
            f"codec= of {where} takes an object with encode(value) -> str and decode(text), not {codec!r}"
            + (f": {codec.__name__}(…)" if isinstance(codec, type) else "")
        )


_codecs: WeakKeyDictionary[Any, JsonCodec[Any]] = WeakKeyDictionary()


def result_codec(fn: Callable[..., Any]) -> JsonCodec[Any]:
    """The codec of what a callable returns, by its annotation.

    Raises `ValidationError` when the annotation names something that cannot be found, or is no type for JSON.
    """
    try:
        found = _codecs.get(fn)
    except TypeError:  # a callable that cannot be referred to weakly, or has no hash
        return _codec_of_annotation(fn)
    if found is None:
        found = _codecs[fn] = _codec_of_annotation(fn)
    return found


def _codec_of_annotation(fn: Callable[..., Any]) -> JsonCodec[Any]:
    target = _annotated(fn)
    if "return" not in getattr(target, "__annotations__", {}):
        return PLAIN
    return codec_for(_awaited(_resolved(target, "return")))


def parameter_type(fn: Callable[..., Any], name: str) -> Any:
    """The annotation of a parameter, resolved; `Any` when there is none. Raises `ValidationError` as `result_codec`."""
    target = _annotated(fn)
    if name not in getattr(target, "__annotations__", {}):
        return Any
    return _resolved(target, name)


def _annotated(fn: Callable[..., Any]) -> Any:
    """The plain function that carries the annotations of a callable."""
    while isinstance(fn, functools.partial):
        fn = typing.cast("Callable[..., Any]", fn.func)  # pyright: ignore[reportUnknownMemberType]
    if inspect.ismethod(fn):
        return fn.__func__
    if inspect.isfunction(fn) or inspect.isclass(fn) or inspect.isbuiltin(fn):
        return fn
    return getattr(type(fn), "__call__", fn)  # noqa: B004  # the method of an object that is callable


def _resolved(target: Any, name: str) -> Any:
    annotation = target.__annotations__[name]
    if not isinstance(annotation, str) and not typing.get_args(annotation):
        return annotation
    try:
        return _evaluated(target, name)
    except Exception as error:
        raise ValidationError(
            f"cannot resolve the annotation {annotation!r} of {getattr(target, '__qualname__', target)}: {error}; "
            "import the type where the function is defined (not only under TYPE_CHECKING), or pass result_type="
        ) from error


def _evaluated(target: Any, name: str) -> Any:
    """One annotation of a function that was written as a string, or has one in it (`list["Order"]`), evaluated where
    the function was defined."""
    only = type("_Only", (), {"__annotations__": {name: target.__annotations__[name]}})
    return typing.get_type_hints(only, globalns=getattr(target, "__globals__", {}), include_extras=True)[name]


def _awaited(annotation: Any) -> Any:
    """What is left when an annotation says `Awaitable[T]` or `Coroutine[..., T]`."""
    if typing.get_origin(annotation) in (Awaitable, Coroutine):
        return typing.get_args(annotation)[-1]
    return annotation

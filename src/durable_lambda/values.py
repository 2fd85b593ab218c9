"""Typed values to JSON and back.

A value comes back as the type that it is declared to have: by `result_type=`, else by the annotation of the callable.
The caller gets the decoded value on the first run too, so a replay cannot tell another story. Where nothing is declared
only JSON's own types are accepted: anything else would change its type between the first run and a replay, and is
refused at once.

`msgspec` does the work, and knows dataclasses, structs, typed dicts, named tuples, enums, dates, `Decimal`, `UUID`,
bytes, sets, tuples, unions and generics. Decoders are made once a type, resolved annotations kept once a function.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec

from durable_lambda.errors import DeserializationError, SerializationError, ValidationError
from durable_lambda.tagged import distinct, plain

T = TypeVar("T")

_encode = msgspec.json.encode
_decode = msgspec.json.decode


class Unset:
    """No value was given, where `None` is one."""


UNSET = Unset()


class Codec(Protocol[T]):
    """How values of a type are stored. A string in, the same value out."""

    def encode(self, value: T) -> str:
        """The value as a string. Raises `SerializationError` when it cannot be one."""
        ...

    def decode(self, payload: str) -> T:
        """The value of a string. Raises `DeserializationError` when it has none."""
        ...


class JsonCodec(Generic[T]):
    """JSON for one declared type."""

    __slots__ = ("_decoder", "declared")

    def __init__(self, declared: Any) -> None:
        self.declared = declared
        try:
            self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(declared)
        except TypeError as error:
            raise ValidationError(f"{type_name(declared)} is no type that JSON can be decoded into: {error}") from error

    def encode(self, value: T) -> str:
        """Raises `SerializationError` when the value, or a part of it, has no JSON form."""
        try:
            return _encode(value).decode()
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise SerializationError(
                f"cannot write {_shown(value)} as JSON: {error}; return plain data or annotate the type"
            ) from error

    def decode(self, payload: str) -> T:
        """Raises `DeserializationError` when the text is no JSON or does not fit the type."""
        try:
            return self._decoder.decode(payload)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise DeserializationError(
                f"cannot read {_excerpt(payload)} as {type_name(self.declared)}: {error}"
            ) from error

    def round_trip(self, value: T) -> tuple[str, T]:
        """The value as JSON, and as it will come back. Raises `SerializationError` when the one or the other fails."""
        payload = self.encode(value)
        try:
            return payload, self.decode(payload)
        except DeserializationError as error:
            raise SerializationError(
                f"{_shown(value)} does not fit the declared {type_name(self.declared)}: {error.__cause__}"
            ) from error


class PlainJsonCodec(JsonCodec[Any]):
    """JSON where no type is declared: what does not come back equal is refused when it is written."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Any)

    def encode(self, value: Any) -> str:
        return self.round_trip(value)[0]

    def round_trip(self, value: Any) -> tuple[str, Any]:
        """Raises `SerializationError` for everything but JSON's own types."""
        payload = super().encode(value)
        returned = _decode(payload)
        if returned != value:
            place, before, after = _first_change("", value, returned)
            raise SerializationError(
                f"{_shown(before)}{f' at {place}' if place else ''} would come back as {_shown(after)}: without a "
                "declared type only str, finite numbers, bool, None, list and dict with str keys are stored; annotate "
                "what the function returns (`-> Type`) or pass result_type=Type"
            )
        return payload, returned


PLAIN = PlainJsonCodec()


@functools.lru_cache(maxsize=1024)
def _codec_of_hashable(declared: Any) -> JsonCodec[Any]:
    return JsonCodec(declared)


def round_trip(codec: Codec[T], value: T) -> tuple[str, T]:
    """The value as a codec stores it, and as it will come back.

    Raises:
        SerializationError: It cannot be stored, or would not come back.
    """
    if isinstance(codec, JsonCodec):
        return codec.round_trip(value)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    payload = codec.encode(value)
    if not isinstance(payload, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SerializationError(f"{type(codec).__qualname__}.encode() must return a str, not {_shown(payload)}")
    return payload, codec.decode(payload)


def write_payload(codec: Codec[T], value: T) -> tuple[str, T]:
    """The value as an operation records it, and as `read_payload` will give it back. Raises as `round_trip`."""
    payload, returned = round_trip(codec, value)
    return distinct(payload) if isinstance(codec, JsonCodec) else payload, returned


def read_payload(codec: Codec[T], payload: str | None) -> T:
    """What a codec makes of a recorded payload, this package's or the official SDK's; no payload is JSON's `null`.

    Raises:
        DeserializationError: It does not fit.
    """
    if payload is None:
        return codec.decode("null")
    return codec.decode(plain(payload) if isinstance(codec, JsonCodec) else payload)


def codec_for(declared: Any) -> JsonCodec[Any]:
    """The codec of a declared type; `Any`, `object` and no declaration accept JSON's own types only.

    Raises `ValidationError` when the type cannot be decoded from JSON.
    """
    if declared is Any or declared is object or declared is UNSET or declared is inspect.Signature.empty:
        return PLAIN
    try:
        return _codec_of_hashable(declared)
    except TypeError:  # an annotation that has no hash
        return JsonCodec(declared)


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
    if not isinstance(annotation, str):
        return annotation
    try:
        return _evaluated(target, name)
    except Exception as error:
        raise ValidationError(
            f"cannot resolve the annotation {annotation!r} of {getattr(target, '__qualname__', target)}: {error}; "
            "import the type where the function is defined (not only under TYPE_CHECKING), or pass result_type="
        ) from error


def _evaluated(target: Any, name: str) -> Any:
    """One annotation of a function that was written as a string, evaluated where the function was defined."""
    only = type("_Only", (), {"__annotations__": {name: target.__annotations__[name]}})
    return typing.get_type_hints(only, globalns=getattr(target, "__globals__", {}), include_extras=True)[name]


def _awaited(annotation: Any) -> Any:
    """What is left when an annotation says `Awaitable[T]` or `Coroutine[..., T]`."""
    if typing.get_origin(annotation) in (Awaitable, Coroutine):
        return typing.get_args(annotation)[-1]
    return annotation


def type_name(declared: Any) -> str:
    """A type as it is written."""
    if isinstance(declared, type) and not typing.get_args(declared):
        return declared.__qualname__
    return str(declared).replace("typing.", "")


def _first_change(place: str, value: Any, returned: Any) -> tuple[str, Any, Any]:
    """Where a value and what came back of it differ, and the two there."""
    for step, before in _members(value):
        after = next((each for at, each in _members(returned) if at == step), before)
        if before != after and type(value) is type(returned):
            return _first_change(f"{place}[{step!r}]", before, after)
    return place, value, returned


def _members(value: Any) -> list[tuple[Any, Any]]:
    """The parts of a list or a dict, each with its index or key."""
    if type(value) is list:
        return list(enumerate(cast("list[Any]", value)))
    return list(cast("dict[Any, Any]", value).items()) if type(value) is dict else []


def _shown(value: Any) -> str:
    return f"a value of type {type(value).__qualname__}"


def _excerpt(payload: str) -> str:
    return repr(payload if len(payload) <= 80 else payload[:77] + "...")

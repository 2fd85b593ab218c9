"""How values are stored: as JSON of their type, or as a codec of the user's says.

`JsonCodec` is for one declared type; it refuses to write a value that would not come back as it was, so what is stored
is never less than what was returned. `PlainJsonCodec` is for no declared type, and takes JSON's own types only.
`Layered` puts a codec for text, such as an encryption, around either.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime, time
from types import NoneType
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import msgspec

from durable_lambda.comparison import MISSING, first_change
from durable_lambda.errors import DeserializationError, SerializationError, ValidationError
from durable_lambda.fields import field_names
from durable_lambda.tagged import distinct, plain
from durable_lambda.unions import Choice, Shape, made_for, with_stand_ins

T = TypeVar("T")

_NULL_HINT: Final = " (JSON has no NaN and no infinity: they are null)"


class Codec(Protocol[T]):
    """How a value is stored, as a string. Both methods must be pure: a replay decodes what another process encoded."""

    def encode(self, value: T) -> str:
        """The value as a string. Raises `SerializationError` when it cannot be one."""
        ...

    def decode(self, payload: str) -> T:
        """The value of a string. Raises `DeserializationError` when it has none."""
        ...


class JsonCodec(Generic[T]):
    """JSON for one declared type."""

    __slots__ = ("_read", "declared")

    def __init__(self, declared: Any) -> None:
        self.declared = declared
        try:
            self._read: Callable[[str], T] = _reader(declared)
        except (TypeError, NameError, RecursionError) as error:
            why = "it names itself; for any JSON declare Any" if isinstance(error, RecursionError) else error
            raise ValidationError(
                f"{type_name(declared)} is no type that JSON can be decoded into: {why}; pass another result_type=, "
                "or codec= for one of your own"
            ) from error

    def encode(self, value: T) -> str:
        """Raises `SerializationError` when the value, or a part of it, has no JSON form."""
        try:
            return self.write(value).decode()
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise SerializationError(
                f"cannot write {_shown(value)} as JSON: {error}; return what it is made of, or pass codec="
            ) from error

    def decode(self, payload: str) -> T:
        """Raises `DeserializationError` when the text is no JSON or does not fit the type."""
        try:
            return self._read(payload)
        except ValueError as error:  # of msgspec's and pydantic's, and what a class of the user's says of a value
            raise DeserializationError(
                f"cannot read {_excerpt(payload)} as {type_name(self.declared)}: {error}"
            ) from error

    def write(self, value: T) -> bytes:
        """The value as JSON. Raises what the library raises."""
        return to_json(value)

    def round_trip(self, value: T) -> tuple[str, T]:
        """The value as JSON, and as it will come back. Raises `SerializationError` unless all of it does."""
        payload = self.encode(value)
        try:
            returned = self.decode(payload)
        except DeserializationError as error:
            raise SerializationError(
                f"{_shown(value)} does not fit the declared {type_name(self.declared)}: {error.__cause__}"
                f"{_NULL_HINT if 'got `null`' in str(error.__cause__) else ''}"
            ) from error
        try:
            change = first_change(value, returned)
        except RecursionError as error:
            raise SerializationError(f"{_shown(value)} is nested too deeply to be stored") from error
        if change is not None:
            raise SerializationError(self._told(*change))
        return payload, returned

    def _told(self, place: str, before: Any, after: Any) -> str:
        what = f"{_shown(before)}{f' at {place}' if place else ''}"
        kind = type_name(cast("object", type(before)))
        if after is MISSING:
            return f"{what} would be left out, since {type_name(self.declared)} does not declare it: declare it there"
        if isinstance(before, float) and after is None:
            return f"{what} is {before}, which JSON has no form for{_NULL_HINT}: return None or a str in its place"
        if type(before) is type(after):
            return (
                f"{what} would come back as {_written(after)}: {_written(before)} has no form in JSON, or its class "
                "makes something else of it"
            )
        told = f"{what} would come back as {_shown(after)}, as {type_name(self.declared)} says"
        if field_names(cast("type[Any]", type(before))) is not None:
            return (
                f"{told}, without what only {kind} has: declare {kind} there, or pass result_type={kind}; classes of a "
                "union whose fields are the same need a Literal field that tells which, or a msgspec.Struct's tag=True"
            )
        return f"{told}: declare {kind} there (`-> …`, or result_type=), or return what is declared"


class PlainJsonCodec(JsonCodec[Any]):
    """JSON where no type is declared."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Any)

    def encode(self, value: Any) -> str:
        return self.round_trip(value)[0]

    def round_trip(self, value: Any) -> tuple[str, Any]:
        """Raises `SerializationError` for everything but JSON's own types."""
        payload = super().encode(value)
        returned = msgspec.json.decode(payload)
        change = first_change(value, returned)
        if change is not None:
            place, before, after = change
            raise SerializationError(
                f"{_shown(before)}{f' at {place}' if place else ''} would come back as {_shown(after)}: without a "
                "declared type only str, finite numbers, bool, None, list and dict with str keys are stored; annotate "
                "what the function returns (`-> Type`) or pass result_type=Type"
            )
        return payload, returned


class Layered(Generic[T]):
    """A codec for text around another codec: what is stored is the text that it makes of the other one's."""

    __slots__ = ("_outer", "inner")

    def __init__(self, inner: Codec[T], outer: Codec[str]) -> None:
        self.inner = inner
        self._outer = outer

    def encode(self, value: T) -> str:
        return _checked(self._outer, self._outer.encode(_checked(self.inner, self.inner.encode(value))))

    def decode(self, payload: str) -> T:
        return self.inner.decode(self._outer.decode(payload))

    def round_trip(self, value: T) -> tuple[str, T]:
        """As it is stored, and as it comes back; both codecs are asked, so a mistake of theirs shows at once."""
        text, _ = round_trip(self.inner, value)
        payload = _checked(self._outer, self._outer.encode(text))
        return payload, self.decode(payload)


def read_payload(codec: Codec[T], payload: str | None) -> T:
    """What a codec makes of a recorded payload, this package's or the official SDK's; nothing at all is what `null` is.

    Raises:
        DeserializationError: It does not fit.
    """
    if payload is not None:
        return codec.decode(plain(payload) if isinstance(codec, JsonCodec) else payload)
    if isinstance(codec, Layered):
        return read_payload(codec.inner, None)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportUnknownVariableType]
    return codec.decode("null") if isinstance(codec, JsonCodec) else cast("T", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def write_payload(codec: Codec[T], value: T) -> tuple[str, T]:
    """The value as an operation records it, and as `read_payload` will give it back. Raises as `round_trip`."""
    payload, returned = round_trip(codec, value)
    return distinct(payload) if isinstance(codec, JsonCodec) else payload, returned


def round_trip(codec: Codec[T], value: T) -> tuple[str, T]:
    """The value as a codec stores it, and as it will come back.

    Raises:
        SerializationError: It cannot be stored, or would not come back.
    """
    if isinstance(codec, (JsonCodec, Layered)):
        return codec.round_trip(value)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    payload = _checked(codec, codec.encode(value))
    return payload, codec.decode(payload)


def to_json(value: object) -> bytes:
    """A value as JSON, with its pydantic models. Raises what the libraries raise."""
    return msgspec.json.encode(value, enc_hook=_write_model)


def told(error: Exception) -> str:
    """What an error of a codec says; of one that is not ours or its libraries' also its type."""
    known = isinstance(error, (SerializationError, DeserializationError, msgspec.MsgspecError))
    return str(error) if known else f"{type(error).__name__}: {error}"


def _checked(codec: object, payload: object) -> str:
    if not isinstance(payload, str):
        raise SerializationError(f"{type(codec).__qualname__}.encode() must return a str, not {_shown(payload)}")
    return payload


def type_name(declared: Any) -> str:
    """A type as it is written."""
    if declared is None or declared is NoneType:
        return "None"
    if isinstance(declared, type) and not hasattr(declared, "__args__"):
        return declared.__qualname__
    return str(declared).replace("typing.", "")


def _write_model(value: Any) -> Any:
    """A pydantic model in a struct or in a payload, or what else of pydantic's is there."""
    cls = cast("type[Any]", type(value))
    if hasattr(cls, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, round_trip=True, warnings="error")
    if hasattr(cls, "__get_pydantic_core_schema__"):
        return sys.modules["pydantic_core"].to_jsonable_python(value)
    if hasattr(cls, "__await__"):
        raise TypeError("an operation is not its result: await it")
    raise TypeError(f"{type_name(cls)} has no form in JSON")


def _reader(declared: Any) -> Callable[[str], Any]:
    """What reads JSON as a type. Raises `TypeError` when nothing does."""
    try:
        return msgspec.json.Decoder(declared, dec_hook=_read_model).decode
    except TypeError:
        replaced = with_stand_ins(declared)
        if replaced is declared:
            raise
        return msgspec.json.Decoder(replaced, dec_hook=_read_model).decode


def _read_model(declared: Any, value: Any) -> Any:
    if _is_stand_in(declared):
        return made_for(declared, value, _read_model)
    if not hasattr(declared, "__pydantic_validator__"):
        return value  # msgspec refuses it unless it is of that class, as everything is of `object`
    return declared.model_validate_json(msgspec.json.encode(value), by_alias=True, by_name=True)


def _is_stand_in(declared: object) -> bool:
    return isinstance(declared, type) and issubclass(declared, (Choice, Shape))  # `Iterable[int]` is no class


def _shown(value: Any) -> str:
    return f"a value of type {type(value).__qualname__}"


def _written(value: Any) -> str:
    """A value beside another one of its type, with what tells the two apart."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}{' (fold=1)' if value.fold else ''}"
    if isinstance(value, time):
        return f"{value.isoformat()} {value.tzinfo or ''}".rstrip()
    return f"{value!r:.80}"


def _excerpt(payload: str) -> str:
    return repr(payload if len(payload) <= 80 else payload[:77] + "...")


PLAIN: Final = PlainJsonCodec()

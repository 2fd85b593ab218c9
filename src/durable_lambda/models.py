"""Declared types in which pydantic has a part: stored and read by pydantic itself, validators and aliases included.

Pydantic is never imported here: a type that has to do with it exists only where the user's code has imported it. A
model inside a `msgspec.Struct`, which pydantic cannot look into, is left to `JsonCodec`, which asks the model.
"""

from __future__ import annotations

import functools
import sys
import typing
from typing import Any, cast

from durable_lambda.codecs import JsonCodec
from durable_lambda.errors import ValidationError
from durable_lambda.fields import field_names

_ITS_OWN = ("__pydantic_validator__", "__pydantic_core_schema__", "__get_pydantic_core_schema__")


def concerns_pydantic(declared: Any) -> bool:
    """Whether a model, a pydantic dataclass or an annotation of pydantic's is anywhere in a type."""
    return "pydantic" in sys.modules and _concerns(declared, set())


def _concerns(declared: Any, seen: set[int]) -> bool:
    if id(declared) in seen:
        return False
    seen.add(id(declared))
    if any(hasattr(declared, each) for each in _ITS_OWN) or type(declared).__module__.startswith("pydantic"):
        return True
    parts: list[Any] = [typing.get_origin(declared), *typing.get_args(declared)]
    parts += cast("tuple[Any, ...]", getattr(declared, "__metadata__", ()))
    parts += [getattr(declared, "__supertype__", None), getattr(declared, "__value__", None)]  # NewType, `type X = …`
    if isinstance(declared, type):
        parts += _annotations(declared)
    return any(_concerns(part, seen) for part in parts if part is not None)


def _annotations(cls: type[Any]) -> list[Any]:
    if field_names(cls) is None and not typing.is_typeddict(cls):
        return []
    try:
        return list(typing.get_type_hints(cls, include_extras=True).values())
    except Exception:  # of a class whose annotations cannot be resolved here: msgspec will tell
        return []


def codec_of_models(declared: Any) -> JsonCodec[Any]:
    """The codec of a type that concerns pydantic. Raises `ValidationError` when neither library can read it."""
    pydantic: Any = sys.modules["pydantic"]
    try:
        adapter = pydantic.TypeAdapter(declared)
        adapter.rebuild(raise_errors=True)
    except pydantic.errors.PydanticSchemaGenerationError:  # there is a struct in it
        return JsonCodec(declared)
    except (pydantic.errors.PydanticUserError, NameError) as error:
        raise ValidationError(f"pydantic cannot read {declared!r}: {error}") from error
    return ModelCodec(declared, adapter)


class ModelCodec(JsonCodec[Any]):
    """JSON by pydantic, with the aliases that a model has for the outside; fields are also read by their own names."""

    __slots__ = ("_adapter",)

    def __init__(self, declared: Any, adapter: Any) -> None:
        self.declared = declared
        self._adapter = adapter
        self._read = functools.partial(adapter.validate_json, by_alias=True, by_name=True)

    def write(self, value: Any) -> bytes:
        try:
            return self._adapter.dump_json(value, by_alias=True, round_trip=True, warnings="error")
        except ValueError:
            # No value of that type: data that is to become one, perhaps.
            if isinstance(value, (dict, list, str, int, float)):
                return super().write(value)
            raise

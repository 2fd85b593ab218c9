"""Which fields an object is made of, whoever's its class is: what is stored of it, and has to come back."""

from __future__ import annotations

import functools
from typing import Any, cast


@functools.lru_cache(maxsize=1024)
def field_names(cls: type[Any]) -> tuple[str, ...] | None:
    """The names of the fields that objects of a class are made of: a dataclass, a struct, a named tuple or a
    pydantic model; `None` for any other class."""
    if hasattr(cls, "__dataclass_fields__"):
        import dataclasses  # late: loaded already by whoever made one, and not needed by anybody else

        return tuple(field.name for field in dataclasses.fields(cls))
    names: object = getattr(cls, "__struct_fields__", None)
    if names is None and tuple in cls.__mro__:
        names = getattr(cls, "_fields", None)
    if isinstance(names, tuple):
        return cast("tuple[str, ...]", names)
    model: object = getattr(cls, "__pydantic_fields__", None)
    return tuple(cast("dict[str, object]", model)) if isinstance(model, dict) else None


def fields_of(value: object) -> dict[str, Any] | None:
    """The fields of an object by their names; `None` for what is not made of fields."""
    names = field_names(type(value))
    if names is None:
        return None
    found = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return found | (getattr(value, "__pydantic_extra__", None) or {})

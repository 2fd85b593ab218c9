"""JSON with a tag beside each value, which is how the official Python SDK stores what is no plain list or scalar.

`{"sku": "tea"}` is `{"t":"m","v":{"sku":{"t":"s","v":"tea"}}}` there. This package stores plain JSON and reads both, so
that it can go on where the official SDK stopped. What has tags is told by its first characters, which costs nothing
where there are none. A plain object that begins like a tagged one is therefore stored as a tagged one.
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

_START: Final = '{"t":"'
_TAGS: Final = frozenset(("n", "s", "i", "f", "b", "B", "u", "d", "dt", "D", "t", "l", "m", "br"))
_TAG_OF: Final[dict[type, str]] = {type(None): "n", str: "s", bool: "b", int: "i", float: "f"}

BATCH: Final = "br"
"""The tag of the result of a batch."""


def plain(payload: str) -> str:
    """A recorded payload as plain JSON: without its tags, if it has any. A tuple becomes a list, a date its text."""
    if not payload.startswith(_START):
        return payload
    value = _decoded(payload)
    return msgspec.json.encode(_without_tags(value)).decode() if _is_tagged(value) else payload


def distinct(payload: str) -> str:
    """Plain JSON as it is stored: with tags, if it could be taken for tagged."""
    if not payload.startswith(_START):
        return payload
    value = _decoded(payload)
    return msgspec.json.encode(tagged(value)).decode() if _is_tagged(value) else payload


def tagged(value: Any) -> dict[str, Any]:
    """A JSON value with its tags."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {"t": "m", "v": {key: tagged(each) for key, each in members.items()}}
    if isinstance(value, list):
        return {"t": "l", "v": [tagged(each) for each in cast("list[Any]", value)]}
    return {"t": _TAG_OF[type(value)], "v": value}


def _decoded(payload: str) -> Any:
    try:
        return msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return None


def _is_tagged(value: Any) -> bool:
    if not isinstance(value, dict) or len(cast("dict[str, Any]", value)) != 2 or "v" not in value:
        return False
    tag = cast("dict[str, Any]", value).get("t")
    return isinstance(tag, str) and tag in _TAGS


def _without_tags(value: Any) -> Any:
    if not _is_tagged(value):
        return value
    inner: Any = value["v"]
    if isinstance(inner, dict):
        return {key: _without_tags(each) for key, each in cast("dict[str, Any]", inner).items()}
    return [_without_tags(each) for each in cast("list[Any]", inner)] if isinstance(inner, list) else inner

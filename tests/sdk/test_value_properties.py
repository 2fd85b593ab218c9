"""Nothing is lost between the first run and a replay, whatever the type and the value: it comes back, or is refused."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from durable_lambda import SerializationError, ValidationError
from durable_lambda.fields import fields_of
from durable_lambda.values import codec_for, round_trip
from value_strategies import MISTYPED_VALUES, PLAIN_VALUES, TYPED_VALUES, Bill, Line, Mode

JSON = (dict, list, str, int, float, bool, type(None))


def assert_same(value: Any, returned: Any) -> None:
    """Equal, and of the same class, to the last part."""
    assert type(value) is type(returned), f"{value!r} became {returned!r}"
    fields = fields_of(value)
    if fields is not None:
        returned_fields = fields_of(returned)
        assert returned_fields is not None
        assert fields.keys() == returned_fields.keys()
        for name, part in fields.items():
            assert_same(part, returned_fields[name])
    elif isinstance(value, (list, tuple)):
        assert len(value) == len(returned)
        for part, other in zip(value, returned, strict=True):
            assert_same(part, other)
    elif isinstance(value, dict):
        assert_same(list(value), list(returned))
        assert_same(list(value.values()), list(returned.values()))
    elif isinstance(value, (set, frozenset)):
        assert value == returned
        assert {type(part) for part in value} == {type(part) for part in returned}
    else:
        assert repr(value) == repr(returned)


def holds_only_json(value: Any) -> bool:
    if type(value) not in JSON:
        return False
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return all(holds_only_json(part) for part in parts)


@settings(max_examples=400, deadline=None)
@given(TYPED_VALUES)
def test_a_value_of_the_declared_type_comes_back_as_it_was(typed: tuple[Any, Any]) -> None:
    declared, value = typed
    payload, returned = round_trip(codec_for(declared), value)
    assert_same(value, returned)
    assert_same(returned, codec_for(declared).decode(payload))


@settings(max_examples=400, deadline=None)
@given(MISTYPED_VALUES)
@example((Line, Bill("tea", 2)))
@example((list[Line], [Bill("tea", 2)]))
@example((dict[str, Any], {"mode": Mode.FAST}))
@example((str, Mode.FAST))
@example((list[str], [Mode.FAST]))
@example((dict[str, int], {Mode.FAST: 1}))
@example((tuple[Any, ...], ((1, 2),)))
@example((Any, {1: "a"}))
def test_a_value_of_another_type_comes_back_as_it_was_or_is_refused(typed: tuple[Any, Any]) -> None:
    """JSON's own types may become what is declared: that is what was asked for, and everything of them is in it."""
    declared, value = typed
    try:
        _, returned = round_trip(codec_for(declared), value)
    except (SerializationError, ValidationError):
        return
    if holds_only_json(value):
        return
    if isinstance(value, (list, dict)) and type(value) is not type(returned):
        return  # parts that are not plain were compared by the fields that they became
    assert_same_or_read(value, returned)


def assert_same_or_read(value: Any, returned: Any) -> None:
    """As `assert_same`, but a part that is JSON's own may have become a richer one."""
    if type(value) in JSON and type(value) is not type(returned):
        assert not isinstance(value, (int, float)) or not isinstance(returned, (int, float)) or value == returned
        return
    if type(value) is list:
        for part, other in zip(value, returned, strict=True):
            assert_same_or_read(part, other)
    elif type(value) is dict:
        for (key, part), (new, other) in zip(value.items(), returned.items(), strict=True):
            assert type(key) is str or key == new
            assert_same_or_read(part, other)
    elif type(value) is tuple:
        for part, other in zip(value, returned, strict=True):
            assert_same_or_read(part, other)
    elif (fields := fields_of(value)) is not None:
        others = fields_of(returned)
        assert others is not None
        assert type(value) is type(returned)
        for name, part in fields.items():
            assert_same_or_read(part, others[name])
    else:
        assert_same(value, returned)


@settings(max_examples=200, deadline=None)
@given(PLAIN_VALUES)
def test_json_comes_back_as_it_was_where_nothing_is_declared(value: Any) -> None:
    _, returned = round_trip(codec_for(Any), value)
    assert_same(value, returned)


@settings(max_examples=300, deadline=None)
@given(TYPED_VALUES.map(lambda typed: typed[1]))
def test_where_nothing_is_declared_a_value_comes_back_as_it_was_or_is_refused(value: Any) -> None:
    try:
        _, returned = round_trip(codec_for(Any), value)
    except SerializationError:
        return
    assert_same(value, returned)


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.integers(), lambda inner: st.lists(inner, min_size=1, max_size=2), max_leaves=4))
def test_what_is_stored_is_what_msgspec_writes(value: Any) -> None:
    assert round_trip(codec_for(Any), value)[0].encode() == msgspec.json.encode(value)

"""What would lose something on its way is refused, with the place where it would and with what to write."""

from __future__ import annotations

import math
import sys
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest

from drive import Execution
from durable_lambda import DurableContext, SerializationError, ValidationError
from durable_lambda.values import codec_for, round_trip


@dataclass
class Base:
    a: int


@dataclass
class Derived(Base):
    b: int = 0


@dataclass
class Renamed(Base):
    """No field more, and still another class."""


class Shape(msgspec.Struct):
    name: str


class Circle(Shape):
    radius: int


class Animal(pydantic.BaseModel):
    name: str


class Dog(Animal):
    tricks: list[str] = []


class Zoo(pydantic.BaseModel):
    animals: list[Animal]


class Colour(Enum):
    RED = "red"


class Mixed(Enum):
    ONE = 1
    TWO = "two"


class Point(NamedTuple):
    x: int
    y: int


class Movie(TypedDict):
    title: str


@dataclass
class Growing:
    size: int

    def __post_init__(self) -> None:
        self.size += 1


@dataclass
class Holder:
    base: Base
    anything: Any = None
    bases: dict[str, list[Base]] = field(default_factory=dict)


class Hidden(pydantic.BaseModel):
    secret: pydantic.SecretStr


class Excluded(pydantic.BaseModel):
    kept: int
    left_out: int = pydantic.Field(default=0, exclude=True)


class Asymmetric(pydantic.BaseModel):
    a: int = pydantic.Field(default=0, validation_alias="v", serialization_alias="s")


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "a subclass": (Base, Derived(1, 2), "declare Derived there, or pass result_type=Derived"),
    "a subclass without more": (Base, Renamed(1), "declare Renamed there"),
    "a subclass in a list": (list[Base], [Base(1), Derived(1)], "type Derived at [1] would come back as"),
    "a subclass in a dataclass": (Holder, Holder(Derived(1)), "at .base would"),
    "a subclass deep down": (Holder, Holder(Base(1), bases={"x": [Derived(1)]}), "at .bases['x'][0] would"),
    "a subclass in a tuple": (tuple[Base, ...], (Derived(1),), "at [0] would"),
    "a subclass of a struct": (Shape, Circle("c", 1), "declare Circle there"),
    "a subclass of a model": (Animal, Dog(name="d", tricks=["sit"]), "declare Dog there"),
    "a subclass in a model": (Zoo, Zoo(animals=[Dog(name="d")]), "at .animals[0] would"),
    "a date where anything goes": (dict[str, Any], {"a": {"b": datetime(2026, 1, 1)}}, "at ['a']['b'] would come back"),
    "a tuple where anything goes": (Holder, Holder(Base(1), (1, 2)), "type tuple at .anything would come back"),
    "an id for a str": (str, UUID(int=1), "declare UUID there"),
    "a member for a str": (list[str], [Colour.RED], "declare Colour there"),
    "a tuple for a list": (list[int], (1, 2), "declare tuple there"),
    "a named tuple for a tuple": (tuple[int, int], Point(1, 2), "declare Point there"),
    "a set for a list": (list[int], {1}, "declare set there"),
    "a Decimal for a str": (str, Decimal("1.10"), "declare Decimal there"),
    "a key that is no str": (dict[Any, int], {1: 1}, "type int at [1] would come back as a value of type str"),
    "a key that is another's": (dict[str, int], {1: 1, "1": 2}, "would come back"),
    "a large int for a float": (float, 2**60 + 1, "declare int there"),
    "a key that is not declared": (Movie, {"title": "Alien", "year": 1979}, "at ['year'] would be left out"),
    "not a number": (float | None, math.nan, "JSON has no NaN and no infinity"),
    "infinity": (float, math.inf, "JSON has no NaN and no infinity"),
    "infinity in a list": (list[float | None], [1.5, -math.inf], "at [1] is -inf"),
    "a lone surrogate": (str, "\ud800", "surrogates not allowed"),
    "an hour that is there twice": (datetime, datetime(2026, 10, 25, 2, 30, fold=1), "has no form in JSON"),
    "an offset with seconds": (
        datetime,
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1, seconds=7))),
        "has no form in JSON",
    ),
    "a time of a zone, whose offset depends on the day": (
        time,
        time(12, 30, tzinfo=ZoneInfo("Europe/Oslo")),
        "a value of type time would come back as 12:30:00: 12:30:00 Europe/Oslo has no form in JSON",
    ),
    "what its class makes another thing of": (Growing, Growing(1), "at .size would come back as 3: 2 has no form"),
    "an int in a set of floats": (set[float], {1}, "would come back as {1.0}: {1} has no form"),
    "a complex number": (complex, 1j, "complex has no form in JSON"),
    "a path": (Path, Path("a"), "PosixPath has no form in JSON; return what it is made of, or pass codec="),
    "a range": (list[int], range(3), "range has no form in JSON"),
    "a class": (type, int, "has no form in JSON"),
    "a secret": (Hidden, Hidden(secret=pydantic.SecretStr("x")), "at .secret"),
    "an excluded field": (Excluded, Excluded(kept=1, left_out=5), "at .left_out"),
    "one of two that are alike": (Base | Renamed, Renamed(1), "need a Literal field that tells which"),
    "aliases that do not fit": (Asymmetric, Asymmetric(v=5), "at .a"),  # type: ignore[call-arg]  # its alias
}


@pytest.mark.parametrize(("declared", "value", "told"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_what_to_write(declared: Any, value: Any, told: str) -> None:
    with pytest.raises(SerializationError) as refusal:
        round_trip(codec_for(declared), value)
    assert told in str(refusal.value)


def test_a_loss_deep_down_is_found_at_once() -> None:
    value: Any = (1, 2)
    for _ in range(100):
        value = {"a": value}
    with pytest.raises(SerializationError, match="type tuple at "):
        round_trip(codec_for(Any), value)


def test_it_is_an_error_of_that_step_with_its_name() -> None:
    async def make() -> Base:
        return Derived(1, 2)

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("make", make, retry=0)
        except SerializationError as error:
            return str(error)
        return "lost"

    execution = Execution(handler)
    told = execution.result()
    assert told.startswith("the result of step 'make': a value of type Derived would come back as a value of type Base")
    assert execution.result() == told


class Undecided(msgspec.Struct):
    either: Base | Holder


@dataclass
class Unnamed:
    either: Base | Shape
    nowhere: Nowhere  # type: ignore[name-defined]  # noqa: F821  # it is what the test is about


@dataclass
class Unclear:
    either: Base | Shape
    text: str | datetime


def _names_itself() -> Any:
    """What JSON can say, as an alias that names itself: `type Json = …`, where Python has that."""
    if sys.version_info < (3, 12):
        return dict[str, "Json"]  # noqa: F821  # type: ignore[name-defined]  # as it stands in a result_type
    names: dict[str, Any] = {}
    exec("type Json = dict[str, Json] | list[Json] | str | None", names)  # no syntax of Python 3.11
    return names["Json"]


def unreadable_types() -> dict[str, tuple[Any, str]]:
    @dataclass
    class WithInitVar:
        a: int
        b: InitVar[int] = 0

    return {
        "two dataclasses in a field of a struct": (Undecided, "more than one dataclass"),
        "two dataclasses beside what cannot be read": (Unclear, "more than one str-like type"),
        "two dataclasses beside what is not there": (Unnamed, "'Nowhere'"),
        "InitVar beside two dataclasses": (list[Base | WithInitVar], "InitVar"),
        "two texts": (str | datetime, "more than one str-like type"),
        "members of several types": (Mixed, "all str or all int"),
        "InitVar": (WithInitVar, "InitVar"),
        "a path or a str": (Path | str, "custom type"),
        "a name for itself": (_names_itself(), "Json"),
    }


@pytest.mark.parametrize(("declared", "told"), unreadable_types().values(), ids=unreadable_types())
def test_a_type_that_cannot_be_read_is_refused_before_anything_is_sent(declared: Any, told: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", lambda: None, result_type=declared)

    execution = Execution(handler)
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert told in error["ErrorMessage"]
    assert "codec=" in error["ErrorMessage"]
    assert execution.calls == []


@dataclass
class Rectangle:
    width: int
    area: int = field(init=False)

    def __post_init__(self) -> None:
        self.area = self.width**2

    @cached_property
    def shown(self) -> str:
        return "#" * self.area


def test_what_is_computed_from_the_fields_need_not_be_stored() -> None:
    value = Rectangle(2)
    assert value.shown == "####"
    _, returned = round_trip(codec_for(Rectangle), value)
    assert returned == value
    assert returned.shown == "####"


KEPT: dict[str, tuple[Any, Any, Any]] = {
    "a dict for a dataclass": (Base, {"a": 1, "more": "of it"}, Base(1)),
    "dicts for dataclasses": (list[Base], [{"a": 1}], [Base(1)]),
    "a str for a date": (datetime, "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    "a list for a tuple": (tuple[int, ...], [1, 2], (1, 2)),
    "a list for a set": (set[str], ["a", "a"], {"a"}),
    "a value for a member": (Colour, "red", Colour.RED),
    "an int for a float": (float, 2, 2.0),
    "a dict for a model": (Animal, {"name": "a", "more": 1}, Animal(name="a")),
    "dicts for models": (dict[str, list[Animal]], {"x": [{"name": "a"}]}, {"x": [Animal(name="a")]}),
    "keys for ids": (dict[UUID, int], {str(UUID(int=1)): 1}, {UUID(int=1): 1}),
}


@pytest.mark.parametrize(("declared", "value", "expected"), KEPT.values(), ids=KEPT)
def test_data_becomes_what_is_declared(declared: Any, value: Any, expected: Any) -> None:
    _, returned = round_trip(codec_for(declared), value)
    assert returned == expected
    assert type(returned) is type(expected)


def test_a_zone_is_kept_as_its_offset() -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Oslo"))
    _, returned = round_trip(codec_for(datetime), moment)
    assert returned == moment
    assert returned.utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(("fold", "hours"), [(0, 2), (1, 1)])
@pytest.mark.parametrize("declared", [datetime, list[datetime], dict[datetime, None]])
def test_an_hour_that_a_zone_has_twice_is_kept_as_the_one_that_it_is(declared: Any, fold: int, hours: int) -> None:
    """Python takes no two times of different zones for equal in that hour."""
    moment = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Oslo"))
    value = {datetime: moment, list[datetime]: [moment]}.get(declared, {moment: None})
    _, returned = round_trip(codec_for(declared), value)
    (kept,) = [returned] if declared is datetime else returned
    assert kept.isoformat() == moment.isoformat() == f"2026-10-25T02:30:00+0{hours}:00"


def test_an_hour_that_a_zone_leaves_out_is_kept() -> None:
    moment = datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Oslo"))
    _, returned = round_trip(codec_for(datetime), moment)
    assert returned.isoformat() == moment.isoformat()


def test_a_model_needs_pydantic_to_be_imported_by_the_user_only() -> None:
    import subprocess
    import sys

    code = (
        "import sys, durable_lambda.handler, durable_lambda.values as v; v.codec_for(list[int]);"
        "assert not [m for m in sys.modules if m.startswith('pydantic')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_validation_error_of_a_model_is_told_with_the_field() -> None:
    with pytest.raises(SerializationError, match="does not fit the declared Animal"):
        round_trip(codec_for(Animal), {"nom": "a"})


def test_a_type_that_pydantic_cannot_complete_is_refused() -> None:
    class Later(pydantic.BaseModel):
        other: Missing  # type: ignore[name-defined]  # noqa: F821  # it is what the test is about

    with pytest.raises(ValidationError, match="pydantic cannot read"):
        codec_for(list[Later])

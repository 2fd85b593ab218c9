"""Declared types with values of them, for property tests: types are built up from others as users do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum, auto
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar
from uuid import UUID

import msgspec
from hypothesis import strategies as st

T = TypeVar("T")
OrderId = NewType("OrderId", str)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mode(StrEnum):
    FAST = auto()
    SLOW = auto()


class Right(Flag):
    READ = auto()
    WRITE = auto()


class Point(NamedTuple):
    x: int
    name: str = ""


class Movie(TypedDict):
    title: str
    released: NotRequired[date]


class Payment(msgspec.Struct, frozen=True):
    id: str
    amount: Decimal


class Cash(msgspec.Struct, tag=True):
    amount: int


class Card(msgspec.Struct, tag=True, rename="camel", omit_defaults=True):
    card_number: str
    valid_until: date | None = None


class Short(msgspec.Struct, array_like=True):
    count: int
    mode: Mode


class Box(msgspec.Struct, Generic[T]):
    content: T


@dataclass
class Pair(Generic[T]):
    left: T
    right: list[T]


@dataclass(frozen=True, slots=True)
class Line:
    item: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Bill(Line):
    """A subclass, with more."""

    price: Decimal = Decimal(0)


@dataclass(frozen=True)
class Order:
    id: UUID
    lines: tuple[Line, ...]
    placed: datetime
    payment: Cash | Card | None = None
    tags: frozenset[str] = frozenset()
    notes: dict[str, Line] = field(default_factory=dict)
    at: Point | None = None
    level: Level = Level.LOW


class Of(NamedTuple):
    """A type, values of it, and whether they can be in a set or the key of a dict."""

    declared: Any
    values: st.SearchStrategy[Any]
    is_key: bool = False

    def __repr__(self) -> str:
        return f"Of({self.declared})"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
ZONES = st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATETIMES = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES).map(
    lambda moment: moment.replace(fold=0)
)
TIMES = st.times().map(lambda moment: moment.replace(fold=0))
LINES = st.builds(Line, TEXT, st.integers())
ORDERS = st.builds(
    Order,
    st.uuids(),
    st.lists(LINES, max_size=2).map(tuple),
    DATETIMES,
    st.none() | st.builds(Cash, st.integers()) | st.builds(Card, TEXT, st.none() | st.dates()),
    st.frozensets(TEXT, max_size=2),
    st.dictionaries(TEXT, LINES, max_size=2),
    st.none() | st.builds(Point, st.integers(), TEXT),
    st.sampled_from(Level),
)

SIMPLE: list[Of] = [
    Of(str, TEXT, True),
    Of(int, st.integers(), True),
    Of(int, st.integers(min_value=2**63)),
    Of(float, st.floats(allow_nan=False, allow_infinity=False)),
    Of(bool, st.booleans()),
    Of(None, st.none()),
    Of(bytes, st.binary(max_size=8)),
    Of(bytearray, st.binary(max_size=8).map(bytearray)),
    Of(Decimal, st.decimals()),
    Of(Decimal, st.decimals(allow_nan=False), True),
    Of(UUID, st.uuids(), True),
    Of(datetime, DATETIMES),
    Of(date, st.dates(), True),
    Of(time, TIMES),
    Of(timedelta, st.timedeltas()),
    Of(Colour, st.sampled_from(Colour), True),
    Of(Level, st.sampled_from(Level), True),
    Of(Mode, st.sampled_from(Mode), True),
    Of(Right, st.sampled_from([Right.READ, Right.READ | Right.WRITE, Right(0)])),
    Of(Literal["yes", 1, None], st.sampled_from(["yes", 1, None])),
    Of(OrderId, TEXT.map(OrderId), True),
    Of(Annotated[int, msgspec.Meta(ge=0)], st.integers(min_value=0)),
    Of(Point, st.builds(Point, st.integers(), TEXT)),
    Of(Movie, st.builds(lambda title, when: Movie(title=title, released=when), TEXT, st.dates())),
    Of(Movie, st.builds(lambda title: Movie(title=title), TEXT)),
    Of(Payment, st.builds(Payment, TEXT, st.decimals(allow_nan=False))),
    Of(Cash | Card, st.builds(Cash, st.integers()) | st.builds(Card, TEXT)),
    Of(Short, st.builds(Short, st.integers(), st.sampled_from(Mode))),
    Of(Line, LINES),
    Of(Order, ORDERS),
    Of(int | str | None, st.none() | st.integers() | TEXT),
    Of(float | int, st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
]


def _containers(inner: Of) -> list[Of]:
    declared, values, is_key = inner
    found = [
        Of(list[declared], st.lists(values, max_size=3)),
        Of(dict[str, declared], st.dictionaries(TEXT, values, max_size=3)),
        Of(tuple[declared, ...], st.lists(values, max_size=3).map(tuple)),
        Of(tuple[declared, int], st.tuples(values, st.integers())),
        Of(Box[declared], st.builds(Box, values)),
        Of(Pair[declared], st.builds(Pair, values, st.lists(values, max_size=2))),
        Of(declared | None, st.none() | values) if declared is not None else inner,
    ]
    if is_key:
        found += [
            Of(set[declared], st.sets(values, max_size=3)),
            Of(frozenset[declared], st.frozensets(values, max_size=3)),
            Of(dict[declared, int], st.dictionaries(values, st.integers(), max_size=3)),
        ]
    return found


def types_of(depth: int) -> st.SearchStrategy[Of]:
    """Types, with containers in containers."""
    simple = st.sampled_from(SIMPLE)
    if not depth:
        return simple
    return simple | types_of(depth - 1).flatmap(lambda inner: st.sampled_from(_containers(inner)))


TYPED_VALUES = types_of(3).flatmap(lambda of: st.tuples(st.just(of.declared), of.values))
"""A declared type, and a value of it."""

MISTYPED_VALUES = st.tuples(types_of(2).map(lambda of: of.declared), types_of(2).flatmap(lambda of: of.values))
"""A declared type, and a value of any."""

PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)

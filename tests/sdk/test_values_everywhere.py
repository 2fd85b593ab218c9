"""Every kind of type at every place where a value crosses a record: the same value, of the same type, on every run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Flag, auto
from typing import Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from pydantic import Field

from drive import Execution
from durable_lambda import Completion, DurableContext, durable_execution
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.values import codec_for
from value_strategies import Box, Card, Cash, Colour, Line, Mode, Movie, Order, OrderId, Pair, Payment, Point

T = TypeVar("T")
Bound = TypeVar("Bound", bound=Line)


@dataclass
class Approved:
    by: str
    on: date


@dataclass
class Rejected:
    why: str
    until: date | None = None


@dataclass
class Ruling:
    what: Approved | Rejected
    earlier: dict[str, list[Approved | Rejected]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Appeal:
    against: Ruling | Approved | None
    mode: Mode = Mode.SLOW
    weight: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", 0 if self.against is None else 1)


@dataclass(frozen=True)
class Withdrawal:
    on: date


@dataclass
class Number:
    number: Decimal


@dataclass
class Sum:
    left: Expression
    right: Expression | None


Expression = Number | Sum


@dataclass
class Envelope(Generic[T]):
    content: list[T]
    to: str


class Docket(TypedDict):
    ruling: Approved | Rejected
    closed: NotRequired[date]


class Right(Flag):
    READ = auto()
    WRITE = auto()


class Customer(pydantic.BaseModel):
    name: str = Field(alias="fullName")
    since: datetime
    lines: list[Line] = []


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: frozenset[str]


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]


@dataclass
class Visit:
    customer: Customer
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Stay(msgspec.Struct):
    customer: Customer
    nights: dict[str, Customer | None] = {}


@pydantic.dataclasses.dataclass
class Room:
    number: int = Field(alias="roomNumber")
    url: pydantic.HttpUrl | None = None


class Booking(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    line: Line
    point: Point
    mode: Mode
    price: Decimal
    period: timedelta
    data: bytes = b"text"


class Numbers(pydantic.RootModel[tuple[int, ...]]):
    pass


ADA = Customer(fullName="Ada", since=datetime(2026, 1, 2, tzinfo=UTC), lines=[Line("tea")])
ORDER = Order(UUID(int=7), (Line("tea"), Line("cup", 2)), datetime(2026, 1, 2, tzinfo=UTC), Card("4711"))
OSLO = timezone(timedelta(hours=1))

KINDS: dict[str, tuple[Any, Any]] = {
    "dataclass": (Order, ORDER),
    "struct": (Payment, Payment("p", Decimal("1.50"))),
    "tagged union": (Cash | Card, Card("4711", date(2026, 1, 2))),
    "union of dataclasses": (Approved | Rejected, Rejected("late")),
    "union of dataclasses or None": (Approved | Rejected | None, None),
    "union of dataclasses and others": (Approved | Rejected | int | str, 5),
    "unions of dataclasses in containers": (
        dict[str, list[Approved | Rejected | None]],
        {"a": [Approved("Ada", date(2026, 1, 2)), Rejected("late"), None]},
    ),
    "union of dataclasses in a field": (Ruling, Ruling(Rejected("late"), {"old": [Approved("Ada", date(2026, 1, 2))]})),
    "union of dataclasses in fields of a frozen class with slots": (
        tuple[Appeal, ...],
        (Appeal(Ruling(Approved("Ada", date(2026, 1, 2)))), Appeal(None, Mode.FAST)),
    ),
    "union of dataclasses that have it in them": (
        Expression,
        Sum(Number(Decimal("1.0")), Sum(Number(Decimal(2)), None)),
    ),
    "union of dataclasses as an argument of one": (Envelope[Approved | Rejected], Envelope([Rejected("late")], "Bob")),
    "union of dataclasses in a typed dict": (Docket, Docket(ruling=Rejected("late"))),
    "union of frozen dataclasses in a set": (
        frozenset[Appeal | Withdrawal],
        frozenset([Appeal(None), Withdrawal(date(2026, 1, 2))]),
    ),
    "union of untagged structs": (Payment | Box[Line], Box(Line("a"))),
    "dict of anything": (dict[str, object], {"a": [1, {"b": None}]}),
    "typed dict": (Movie, Movie(title="Alien", released=date(1979, 5, 25))),
    "named tuple": (Point, Point(1, "x")),
    "enum": (Colour, Colour.RED),
    "str enum": (Mode, Mode.FAST),
    "flag": (Right, Right.READ | Right.WRITE),
    "aware datetime": (datetime, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=OSLO)),
    "naive datetime": (datetime, datetime(2026, 1, 2, 3, 4, 5, 6)),
    "date": (date, date(2026, 1, 2)),
    "time": (time, time(3, 4, 5, tzinfo=UTC)),
    "timedelta": (timedelta, timedelta(days=-3, microseconds=7)),
    "decimal": (Decimal, Decimal("1.100")),
    "uuid": (UUID, UUID(int=1)),
    "bytes": (bytes, b"\x00\xff"),
    "bytearray": (bytearray, bytearray(b"\x00")),
    "set": (set[int], {1, 2}),
    "frozenset": (frozenset[UUID], frozenset({UUID(int=1)})),
    "tuple of any length": (tuple[Line, ...], (Line("a"), Line("b"))),
    "tuple of different types": (tuple[int, Line, date | None], (1, Line("a"), None)),
    "list or None": (list[Line] | None, [Line("a")]),
    "None": (None, None),
    "generic dataclass": (Pair[Line], Pair(Line("a"), [Line("b")])),
    "generic struct": (Box[dict[str, Line]], Box({"a": Line("b")})),
    "new type": (OrderId, OrderId("o-1")),
    "literal": (Literal["yes", "no"], "yes"),
    "annotated": (Annotated[int, msgspec.Meta(ge=0)], 5),
    "type variable": (T, 5),
    "bound type variable": (Bound, Line("a")),
    "large int": (int, 2**100),
    "model": (Customer, ADA),
    "models in a list": (list[Customer], [ADA]),
    "model in a dict or None": (dict[str, Customer | None], {"a": ADA, "b": None}),
    "discriminated union": (Annotated[Cat | Dog, Field(discriminator="kind")], Dog(tricks=frozenset({"sit"}))),
    "union of models": (Cat | Dog, Cat(lives=9)),
    "generic model": (Page[Customer], Page[Customer](items=[ADA])),
    "pydantic dataclass": (Room, Room(roomNumber=5, url="https://example.org/")),  # type: ignore[arg-type]
    "model with everything": (
        Booking,
        Booking(
            line=Line("tea"), point=Point(1), mode=Mode.FAST, price=Decimal("1.10"), period=timedelta(days=-1), more=1
        ),  # type: ignore[call-arg]
    ),
    "root model": (Numbers, Numbers((1, 2))),
    "annotation of pydantic's": (list[pydantic.HttpUrl], [pydantic.HttpUrl("https://example.org/")]),
    "models in a dataclass": (Visit, Visit(ADA, Cat(lives=9))),
    "models in a struct": (Stay, Stay(ADA, {"mon": ADA, "tue": None})),
}

kinds = pytest.mark.parametrize(("declared", "value"), KINDS.values(), ids=KINDS)


def returning(declared: Any, value: Any, *parameters: str) -> Callable[..., Any]:
    async def body(*_: Any) -> Any:
        return value

    body.__annotations__["return"] = declared
    return body


async def as_step(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.step("s", returning(declared, value))


async def as_step_with_result_type(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.step("s", lambda: value, result_type=declared, inline=True)


async def as_child(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.run_in_child_context("c", returning(declared, value))


async def as_virtual_child(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.run_in_child_context("c", returning(declared, value), virtual=True)


async def as_child_with_result_type(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.run_in_child_context("c", returning(Any, value), result_type=declared)


async def as_block(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.with_retry("b", returning(declared, value))


async def as_branch(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return (await ctx.parallel("p", [returning(declared, value)])).results()[0]


async def as_flat_branch(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return (await ctx.parallel("p", [returning(declared, value)], nesting="flat")).results()[0]


async def as_item(ctx: DurableContext, declared: Any, value: Any) -> Any:
    batch = await ctx.map("m", [1, 2], returning(declared, value), completion=Completion.all_completed())
    first, second = batch.results()
    assert first == second
    return first


async def as_first(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return (await ctx.first("f", only=returning(declared, value)))[1]


async def as_work_in_time(ctx: DurableContext, declared: Any, value: Any) -> Any:
    return await ctx.timeout("t", 60, returning(declared, value))


async def as_state(ctx: DurableContext, declared: Any, value: Any) -> Any:
    check = returning(declared, value)
    return await ctx.wait_for_condition("w", check, initial_state=None, until=lambda state: True)


async def as_compensated_step(ctx: DurableContext, declared: Any, value: Any) -> Any:
    async with ctx.saga() as saga:
        return await saga.step("s", returning(declared, value), compensate=lambda result: None)


PLACES = [
    as_step,
    as_step_with_result_type,
    as_child,
    as_virtual_child,
    as_child_with_result_type,
    as_block,
    as_branch,
    as_flat_branch,
    as_item,
    as_first,
    as_work_in_time,
    as_state,
    as_compensated_step,
]


@kinds
@pytest.mark.parametrize("place", PLACES)
def test_the_result_of_an_operation(place: Any, declared: Any, value: Any) -> None:
    seen: list[Any] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        seen.append(await place(ctx, declared, value))

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert execution.sent == []
    assert seen == [value, value]
    assert {type(each) for each in seen} == {type(value)}


@kinds
def test_the_state_that_a_check_gets_from_the_last_one(declared: Any, value: Any) -> None:
    seen: list[Any] = []

    def check(state: Any) -> Any:
        seen.append(state)
        return value

    check.__annotations__["return"] = declared

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.wait_for_condition("w", check, initial_state="first", until=lambda _: len(seen) == 2)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert seen == ["first", value]
    assert type(seen[1]) is type(value)


@kinds
def test_events_payloads_answers_and_results_between_functions(declared: Any, value: Any) -> None:
    """One function hands a value to another, which takes it as its event and returns it; callbacks bring it too."""
    seen: list[Any] = []
    text = codec_for(declared).encode(value).encode()

    async def echo(event: Any, ctx: DurableContext) -> Any:
        seen.append(event)
        return event

    async def asks(event: Any, ctx: DurableContext) -> None:
        seen.append(await ctx.invoke("i", "echo", value, result_type=declared))
        handle = await ctx.create_callback("cb")
        await ctx.step("answer", lambda: engine.asend_callback_success(handle.callback_id, msgspec.Raw(text)))
        seen.append(await ctx.callback_result(handle, declared))
        submit = lambda callback_id: engine.asend_callback_success(callback_id, msgspec.Raw(text))  # noqa: E731
        seen.append(await ctx.wait_for_callback("wcb", submit, result_type=declared))

    echo.__annotations__ |= {"event": declared, "return": declared}
    with Engine(clock=SkippingClock()) as engine:
        engine.register(durable_execution(echo))
        engine.register(durable_execution(asks))
        engine.start("asks").result(10)
    assert seen == [value] * 4
    assert {type(each) for each in seen} == {type(value)}


@kinds
def test_without_a_declared_type_a_value_is_kept_or_refused(declared: Any, value: Any) -> None:
    seen: list[Any] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            seen.append(await ctx.step("s", lambda: value, inline=True))
        except Exception as error:
            seen.append(type(error).__name__)

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert seen[0] == seen[1]
    assert seen[0] == "SerializationError" or (seen[0] == value and type(seen[0]) is type(value))

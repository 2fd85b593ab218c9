"""Values come back as the type that they are declared to have, on the first run and on replay alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, Generic, Literal, NamedTuple, Never, NewType, NoReturn, Optional, TypedDict, TypeVar, Union
from uuid import UUID

import msgspec
import pytest

from drive import Execution
from durable_lambda import DurableContext

T = TypeVar("T")
OrderId = NewType("OrderId", str)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Mode(StrEnum):
    FAST = "fast"


class Point(NamedTuple):
    x: int
    y: float = 0.5


class Movie(TypedDict):
    title: str
    released: date


class Payment(msgspec.Struct):
    id: str
    amount: Decimal


class Cash(msgspec.Struct, tag="cash"):
    amount: int


class Card(msgspec.Struct, tag="card"):
    number: str


class Box(msgspec.Struct, Generic[T]):
    content: T


@dataclass
class Line:
    item: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    id: UUID
    lines: list[Line]
    placed: datetime
    tags: frozenset[str] = frozenset()
    notes: dict[str, Line] = field(default_factory=dict)


ORDER = Order(
    UUID(int=7), [Line("book", 2)], datetime(2026, 11, 24, 18, 30, tzinfo=UTC), frozenset({"gift"}), {"n": Line("x")}
)

VALUES: list[tuple[Any, Any]] = [
    (Order, ORDER),
    (Line, Line("book")),
    (Payment, Payment("p", Decimal("10.50"))),
    (Movie, Movie(title="Alien", released=date(1979, 5, 25))),
    (Point, Point(1)),
    (Colour, Colour.RED),
    (Level, Level.HIGH),
    (Mode, Mode.FAST),
    (datetime, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    (datetime, datetime(2026, 1, 2, 3, 4, 5)),
    (date, date(2026, 1, 2)),
    (time, time(3, 4, 5)),
    (timedelta, timedelta(days=1, seconds=2, microseconds=3)),
    (Decimal, Decimal("0.1000")),
    (UUID, UUID(int=1)),
    (bytes, b"\x00\xff"),
    (set[int], {1, 2}),
    (frozenset[str], frozenset({"a"})),
    (tuple[int, str], (1, "a")),
    (tuple[Line, ...], (Line("a"), Line("b"))),
    (list[Order], [ORDER]),
    (dict[str, Payment], {"p": Payment("p", Decimal(1))}),
    (dict[int, str], {1: "a"}),
    (dict[UUID, int], {UUID(int=1): 1}),
    (int | None, None),
    (int | None, 5),
    (Optional[Line], Line("a")),  # noqa: UP045
    (Union[int, str], "a"),  # noqa: UP007
    (Cash | Card, Card("4711")),
    (Cash | Card | None, Cash(5)),
    (Box[int], Box(5)),
    (Box[Line], Box(Line("a"))),
    (Literal["yes", "no"], "yes"),
    (OrderId, OrderId("o-1")),
    (None, None),
    (bool, True),
    (float, 1.5),
    (float, 2.0),
    (int, 2**60),
    (str, "é😀\u2028"),
    (Any, {"a": [1, None]}),
    (object, "anything"),
]


def returning(declared: Any, value: Any) -> Callable[[], Any]:
    def body() -> Any:
        return value

    body.__annotations__["return"] = declared
    return body


def result_on_both_runs(fn: Any, **options: Any) -> Any:
    """What the caller gets, which has to be the same, of the same type, on the first run and on replay."""
    seen: list[Any] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        seen.append(await ctx.step("work", fn, retry=0, inline=True, **options))

    execution = Execution(handler)
    execution.result()
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    assert replayed == first
    assert type(replayed) is type(first)
    return first


@pytest.mark.parametrize(("declared", "value"), VALUES, ids=lambda each: str(each)[:30])
def test_a_value_comes_back_as_the_type_of_the_annotation(declared: Any, value: Any) -> None:
    result = result_on_both_runs(returning(declared, value))
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(("declared", "value"), VALUES, ids=lambda each: str(each)[:30])
def test_a_value_comes_back_as_result_type(declared: Any, value: Any) -> None:
    result = result_on_both_runs(lambda: value, result_type=declared)
    assert result == value
    assert type(result) is type(value)


def test_result_type_goes_before_the_annotation() -> None:
    assert result_on_both_runs(returning(dict, {"item": "a", "count": 2}), result_type=Line) == Line("a", 2)


def test_a_caller_gets_the_decoded_value_on_the_first_run_too() -> None:
    """A field that is not stored is gone at once, not only on replay; and nothing is shared with the body."""
    kept = [1]

    def body() -> list[int]:
        return kept

    result = result_on_both_runs(body)
    assert result == kept
    assert result is not kept


def test_a_value_that_the_type_widens_is_wide_on_the_first_run_too() -> None:
    result = result_on_both_runs(returning(float, 2))
    assert type(result) is float


@pytest.mark.parametrize("annotation", ["Line", "list[Line]", "Line | None", "Awaitable[Line]", "Order"])
def test_annotations_may_be_strings(annotation: str) -> None:
    value = {"list[Line]": [Line("a")], "Order": ORDER}.get(annotation, Line("a"))

    def body() -> Any:
        if annotation.startswith("Awaitable"):
            return asyncio.sleep(0, value)
        return value

    body.__annotations__["return"] = annotation
    assert result_on_both_runs(body) == value


@pytest.mark.parametrize("annotation", [list["Line"], Optional["list[Line]"], "list['Line']"])
def test_a_part_of_an_annotation_may_be_a_string(annotation: Any) -> None:
    body = returning(annotation, [Line("a")])
    body.__annotations__["return"] = annotation
    assert result_on_both_runs(body) == [Line("a")]


@pytest.mark.parametrize("annotation", [NoReturn, Never, Coroutine[Any, Any, Never]])
def test_what_never_returns_may_say_so(annotation: Any) -> None:
    def body() -> Any:
        raise LookupError("nobody there")

    body.__annotations__["return"] = annotation

    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("work", body, retry=0)
        except LookupError as error:
            return str(error)

    assert Execution(handler).result() == "nobody there"


def test_what_can_be_iterated_is_a_list() -> None:
    assert result_on_both_runs(returning(Iterable[int], [1, 2])) == [1, 2]


@pytest.mark.parametrize("declared", [Awaitable[Line], Coroutine[Any, Any, Line]])
def test_what_an_awaitable_gives_is_the_type(declared: Any) -> None:
    def body() -> Any:
        return asyncio.sleep(0, Line("a"))

    body.__annotations__["return"] = declared
    assert result_on_both_runs(body) == Line("a")


def test_a_parameter_that_cannot_be_resolved_does_not_matter() -> None:
    def body(value: Nowhere = None) -> Line:  # noqa: F821  # type: ignore[name-defined]  # it is what the test is about
        return Line("a")

    assert result_on_both_runs(body) == Line("a")


def test_an_annotation_that_cannot_be_resolved_is_refused_before_anything_is_sent() -> None:
    def body() -> Nowhere:  # noqa: F821  # type: ignore[name-defined]  # it is what the test is about
        return None

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", body)

    execution = Execution(handler)
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert "'Nowhere'" in error["ErrorMessage"]
    assert "pass result_type=" in error["ErrorMessage"]
    assert execution.calls == []


def test_result_type_helps_where_an_annotation_cannot_be_resolved() -> None:
    def body() -> Nowhere:  # noqa: F821  # type: ignore[name-defined]  # it is what the test is about
        return Line("a")

    assert result_on_both_runs(body, result_type=Line) == Line("a")


def test_a_local_class_may_be_the_type_by_its_annotation() -> None:
    @dataclass
    class Local:
        value: int

    def body() -> Any:
        return Local(1)

    body.__annotations__["return"] = Local
    assert result_on_both_runs(body) == Local(1)

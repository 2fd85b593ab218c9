"""What an exception carries comes back with it: enum members, dates, models, whatever its class looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum, auto
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pydantic
import pytest

from durable_lambda import StepError
from raised import caught, raising


class Reason(Enum):
    POOR = ("poor", 1)
    LATE = object()


class Level(IntEnum):
    HIGH = 3


class Mode(StrEnum):
    FAST = "fast"


class Right(Flag):
    READ = auto()
    WRITE = auto()


@dataclass(frozen=True, slots=True)
class Line:
    item: str
    price: Decimal


class Order(msgspec.Struct, frozen=True):
    id: UUID
    lines: tuple[Line, ...]


class Place(NamedTuple):
    row: int
    column: int


class Customer(pydantic.BaseModel):
    name: str
    since: datetime


ORDER = Order(UUID(int=7), (Line("tea", Decimal("1.50")),))
CUSTOMER = Customer(name="Ada", since=datetime(2026, 1, 2, tzinfo=UTC))


class DeclinedError(Exception):
    """Needs arguments, and hands another one to its base."""

    def __init__(self, reason: Reason, *, order: Order, customer: Customer | None = None) -> None:
        super().__init__(f"declined: {reason.name}")
        self.reason = reason
        self.order = order
        self.customer = customer


class SlottedError(Exception):
    __slots__ = ("__hidden", "detail")

    def __init__(self, detail: str) -> None:
        self.detail = detail
        self.__hidden = len(detail)

    @property
    def hidden(self) -> int:
        return self.__hidden


class HalfSlottedError(SlottedError):
    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.more = [detail]


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int
    order: Order


@dataclass(frozen=True, slots=True)
class FrozenSlottedError(Exception):
    code: int
    when: datetime


@dataclass
class DataError(Exception):
    code: int
    codes: list[int]


class PropertyError(Exception):
    """With an attribute that cannot be set."""

    @property
    def status(self) -> int:
        return 404


VALUES: list[Any] = [
    Reason.POOR,
    Reason.LATE,
    Level.HIGH,
    Mode.FAST,
    Right.READ | Right.WRITE,
    datetime(2026, 1, 2, 3, tzinfo=UTC),
    datetime(2026, 1, 2, 3).date(),
    timedelta(days=-1, microseconds=5),
    Decimal("1.10"),
    Decimal("-Infinity"),
    UUID(int=3),
    b"\xff\x00",
    bytearray(b"ab"),
    (1, (2, "x")),
    {1, 2},
    frozenset({"a"}),
    {1: "a", (2, 3): None},
    {"$": "not a kind", "value": 1},
    {"a": {"b": [Reason.POOR, Decimal(1)]}},
    ORDER,
    Line("tea", Decimal(1)),
    Place(1, 2),
    CUSTOMER,
    [CUSTOMER, None],
    math.inf,
    complex(1, -0.5),
    2**90,
    None,
    "",
]


@pytest.mark.parametrize("value", VALUES, ids=lambda each: str(each) if isinstance(each, Enum) else repr(each)[:40])
def test_an_argument_comes_back_with_its_type(value: Any) -> None:
    error = caught(raising(ValueError("no", value)))
    assert error.args == ("no", value)
    assert type(error.args[1]) is type(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda each: str(each) if isinstance(each, Enum) else repr(each)[:40])
def test_an_attribute_comes_back_with_its_type(value: Any) -> None:
    raised = ValueError("no")
    raised.detail = value  # type: ignore[attr-defined]  # as users do
    error = caught(raising(raised))
    assert error.detail == value
    assert type(error.detail) is type(value)


def test_a_member_of_an_enum_is_that_member() -> None:
    assert caught(raising(ValueError(Reason.LATE))).args[0] is Reason.LATE


def test_not_a_number_comes_back() -> None:
    assert math.isnan(caught(raising(ValueError(math.nan))).args[0])


def test_an_exception_with_required_arguments_comes_back_with_what_it_has() -> None:
    error = caught(raising(DeclinedError(Reason.POOR, order=ORDER, customer=CUSTOMER)))
    assert type(error) is DeclinedError
    assert (error.reason, error.order, error.customer) == (Reason.POOR, ORDER, CUSTOMER)
    assert str(error) == "declined: POOR"


@pytest.mark.parametrize("kind", [SlottedError, HalfSlottedError])
def test_slots_come_back(kind: type[SlottedError]) -> None:
    error = caught(raising(kind("detail")))
    assert type(error) is kind
    assert (error.detail, error.hidden) == ("detail", 6)


@pytest.mark.parametrize(
    "error",
    [
        FrozenError(5, ORDER),
        FrozenError(code=5, order=ORDER),
        FrozenSlottedError(5, datetime(2026, 1, 2)),
        DataError(5, codes=[1]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("inline", [False, True], ids=["thread", "inline"])
def test_an_exception_that_is_a_dataclass_comes_back_equal(error: Exception, inline: bool) -> None:
    assert caught(raising(error), inline=inline) == error


def test_what_an_import_error_keeps_comes_back() -> None:
    def body() -> None:
        import no_such_module_anywhere  # type: ignore[import-not-found]  # noqa: F401

    error = caught(body)
    assert type(error) is ModuleNotFoundError
    assert error.name == "no_such_module_anywhere"


def test_what_an_attribute_error_and_a_name_error_keep_comes_back() -> None:
    assert caught(lambda: "text".no_such_attribute).name == "no_such_attribute"  # type: ignore[attr-defined]
    assert caught(lambda: no_such_name).name == "no_such_name"  # type: ignore[name-defined]  # noqa: F821


def test_notes_come_back() -> None:
    raised = ValueError("no")
    raised.add_note("while shipping")
    raised.add_note("é\ud800")
    assert caught(raising(raised)).__notes__ == ["while shipping", "é?"]


def test_an_exception_in_the_arguments_or_attributes_of_another_comes_back() -> None:
    inner = DeclinedError(Reason.LATE, order=ORDER)
    raised = ValueError("no", inner)
    raised.errors = [inner, KeyError("k")]  # type: ignore[attr-defined]  # as users do
    error = caught(raising(raised))
    assert type(error.args[1]) is DeclinedError
    assert error.args[1] is error.errors[0]
    assert error.args[1].order == ORDER
    assert type(error.errors[1]) is KeyError


def test_what_has_no_form_is_left_out_and_the_rest_is_kept() -> None:
    raised = DeclinedError(Reason.POOR, order=ORDER)
    raised.connection = object()  # type: ignore[attr-defined]  # as users do
    error = caught(raising(raised))
    assert not hasattr(error, "connection")
    assert error.reason is Reason.POOR


def test_arguments_that_have_no_form_are_replaced_by_the_text() -> None:
    assert caught(raising(ValueError(object, "x"))).args == ("(<class 'object'>, 'x')",)


def test_a_value_of_a_local_class_is_left_out_on_both_runs() -> None:
    @dataclass
    class Local:
        value: int

    raised = ValueError("no")
    raised.local = Local(1)  # type: ignore[attr-defined]  # as users do
    assert not hasattr(caught(raising(raised)), "local")


def test_an_attribute_that_is_a_ring_is_left_out() -> None:
    ring: list[Any] = []
    ring.append(ring)
    raised = ValueError("no", 1)
    raised.ring, raised.more = ring, "more"  # type: ignore[attr-defined]  # as users do
    error = caught(raising(raised))
    assert vars(error) == {"more": "more"}
    assert error.args == ("no", 1)


ran: list[str] = []


@dataclass
class Careful:
    value: int

    def __post_init__(self) -> None:
        ran.append("__post_init__")


class Strict(pydantic.BaseModel):
    value: int

    @pydantic.field_validator("value")
    @classmethod
    def count(cls, value: int) -> int:
        ran.append("validator")
        return value


def test_no_code_of_a_class_that_a_record_names_runs() -> None:
    careful, strict = Careful(1), Strict(value=1)
    ran.clear()
    assert caught(raising(ValueError(careful, strict))).args == (careful, strict)
    assert ran == []


def test_a_class_that_is_gone_is_left_out_as_an_attribute_and_told_as_text_in_an_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(globals(), "Gone")
    raised = ValueError("no")
    raised.gone = gone  # type: ignore[attr-defined]  # as users do
    assert not hasattr(caught(raising(raised)), "gone")
    assert caught(raising(ValueError(gone, "x"))).args == ("(Gone(value=1), 'x')",)


class Gone(msgspec.Struct):
    value: int


gone = Gone(1)


def test_a_property_in_the_way_of_an_attribute_does_not_hide_the_error() -> None:
    raised = PropertyError("gone")
    vars(raised)["status"] = 500
    error = caught(raising(raised))
    assert type(error) is PropertyError
    assert error.status == 404


def test_a_step_error_for_a_local_class_says_what_it_was() -> None:
    class LocalError(Exception):
        pass

    error = caught(raising(LocalError("no")))
    assert type(error) is StepError
    assert error.error_message == "no"

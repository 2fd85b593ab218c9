"""Decorator, class, function, builder: what each takes, what it refuses, and the hook that sees errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from drive import Execution
from durable_lambda import (
    DurableContext,
    DurableHandler,
    Handler,
    Suspended,
    SyncDurableContext,
    ValidationError,
    durable_execution,
)
from durable_lambda.engine import Engine, SkippingClock
from durable_lambda.testing import DurableTestRunner
from hooked import Recorder
from recording import RecordingBackend, invocation, run


@dataclass
class Order:
    lines: int


@dataclass
class Receipt:
    total: int


class Bank:
    def __init__(self, fee: int) -> None:
        self.fee = fee

    def charge(self, lines: int) -> int:
        return lines * 10 + self.fee


class Orders(DurableHandler, name="orders"):
    """Takes orders."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    def handle(self, event: Order, ctx: SyncDurableContext) -> Receipt:
        return Receipt(ctx.step("charge", self.bank.charge, event.lines))


class AsyncOrders(DurableHandler):
    async def handle(self, event: Order, ctx: DurableContext) -> Receipt:
        return Receipt(await ctx.step("charge", Bank(1).charge, event.lines))


def on_engine(handler: Handler[Any, Any], event: Any) -> Any:
    with Engine(":memory:", clock=SkippingClock()) as engine:
        engine.register(handler)
        return engine.start(handler.name, event).result(timeout=10)


# Classes


def test_an_instance_is_the_handler_and_has_what_its_init_has_made() -> None:
    assert on_engine(Orders(Bank(3)), {"lines": 2}) == {"total": 23}


def test_a_class_may_be_async() -> None:
    assert on_engine(AsyncOrders(), {"lines": 2}) == {"total": 21}


def test_a_class_is_named_by_its_option_or_by_itself() -> None:
    assert Orders(Bank(0)).name == "orders"
    assert AsyncOrders().name == "AsyncOrders"


def test_two_instances_are_two_handlers() -> None:
    cheap, dear = Orders(Bank(1)), Orders(Bank(100))
    assert [on_engine(each, {"lines": 1}) for each in (cheap, dear)] == [{"total": 11}, {"total": 110}]


def test_a_subclass_inherits_the_function_and_the_options_and_has_a_name_of_its_own() -> None:
    backend = RecordingBackend()

    class Base(DurableHandler, backend=backend, start_delay=0):
        def handle(self, event: Any, ctx: SyncDurableContext) -> str:
            return ctx.step("greet", self.greeting)

        def greeting(self) -> str:
            return "hello"

    class Special(Base):
        def greeting(self) -> str:
            return "good morning"

    assert run(Special())["Result"] == "good morning"
    assert len(backend.calls) == 2, "the start delay is inherited too"
    assert Special().name == "Special"


def test_a_subclass_overrides_the_function_and_calls_the_one_it_replaces() -> None:
    class Base(DurableHandler):
        def handle(self, event: int, ctx: SyncDurableContext) -> int:
            return ctx.step("add", lambda: event + 1, result_type=int)

    class Twice(Base):
        def handle(self, event: int, ctx: SyncDurableContext) -> int:
            return super().handle(super().handle(event, ctx), ctx)

    assert on_engine(Twice(), 1) == 3


def test_an_init_may_call_that_of_the_base_and_set_what_it_likes() -> None:
    class Greeter(DurableHandler):
        def __init__(self, greeting: str) -> None:
            super().__init__()
            self.greeting = greeting

        def handle(self, event: Any, ctx: SyncDurableContext) -> str:
            return self.greeting

    assert on_engine(Greeter("hello"), None) == "hello"


def test_a_class_without_a_function_is_refused_when_it_is_made_an_instance() -> None:
    class Nothing(DurableHandler):
        pass

    with pytest.raises(ValidationError, match=r"Nothing needs a method that runs: async def handle\(self"):
        Nothing()


def test_a_class_whose_function_has_the_wrong_form_is_refused_when_it_is_defined() -> None:
    with pytest.raises(ValidationError, match="must take the event and the context, in this order"):

        class Wrong(DurableHandler):
            def handle(self, event: Any) -> None: ...

    with pytest.raises(ValidationError, match="`def`, so its context is a SyncDurableContext"):

        class Other(DurableHandler):
            def handle(self, event: Any, ctx: DurableContext) -> None: ...


def test_a_static_function_of_a_class_will_do() -> None:
    class Static(DurableHandler):
        @staticmethod
        def handle(event: int, ctx: SyncDurableContext) -> int:
            return event

    assert on_engine(Static(), 5) == 5


def test_the_class_itself_is_no_handler() -> None:
    with pytest.raises(ValidationError, match=r"Orders is a class: use an instance of it, Orders\(…\)"):
        durable_execution(Orders)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="is a class: derive it from DurableHandler, and use an instance"):
        durable_execution(Bank)  # type: ignore[arg-type]
    use_an_instance = pytest.raises(ValidationError, match=r"Orders is a class: use an instance of it, Orders\(…\)")
    with Engine(":memory:") as engine, use_an_instance:
        engine.register(Orders)
    with use_an_instance:
        DurableTestRunner(Orders)


@pytest.mark.parametrize("context", ["DurableContext", DurableContext, "SyncDurableContext", "lib.DurableContext"])
def test_a_context_that_comes_first_is_refused(context: Any) -> None:
    async def swapped(ctx: Any, event: Any) -> None: ...

    swapped.__annotations__["ctx"] = context
    with pytest.raises(ValidationError, match="must take the event and the context, in this order"):
        durable_execution(swapped)


@pytest.mark.parametrize("backend", [5, RecordingBackend, object()])
def test_what_is_no_backend_is_refused(backend: Any) -> None:
    with pytest.raises(ValidationError, match="backend= takes an object with the coroutines checkpoint"):
        durable_execution(backend=backend)(greet)


# Functions and builders


def greet(event: str, ctx: SyncDurableContext) -> str:
    """Greets."""
    return ctx.step("greet", str.upper, event)


@pytest.mark.parametrize(
    "make",
    [durable_execution, Handler, lambda fn: Handler.builder(fn).build(), durable_execution(name="greet")],
    ids=["decorator", "function", "builder", "options"],
)
def test_a_def_is_made_a_handler(make: Callable[[Any], Handler[Any, Any]]) -> None:
    handler = make(greet)
    assert on_engine(handler, "ada") == "ADA"
    assert (handler.fn, handler.name, handler.__doc__) == (greet, "greet", "Greets.")


def test_a_builder_passes_every_option_on() -> None:
    backend, hooks = RecordingBackend(), Recorder()
    seen: list[Exception] = []

    def fails(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("work", int)
        raise LookupError("no")

    handler = (
        Handler.builder(fails)
        .with_name("orders")
        .with_backend(backend)
        .with_hooks(hooks)
        .with_error_handler(seen.append)
        .with_start_delay(0)
        .build()
    )
    assert run(handler)["Status"] == "FAILED"
    assert handler.name == "orders"
    assert [str(error) for error in seen] == ["no"]
    assert len(backend.calls) == 2
    assert hooks.told


def test_a_builder_checks_when_it_builds() -> None:
    builder = Handler.builder(lambda event: None)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="must take the event and the context"):
        builder.build()
    with pytest.raises(ValidationError, match="start_delay must be seconds from 0"):
        Handler.builder(greet).with_start_delay(-1).build()


def test_a_builder_may_build_several() -> None:
    builder = Handler.builder(greet)
    first = builder.with_name("first").build()
    assert (first.name, builder.with_name("second").build().name, first.name) == ("first", "second", "first")


def test_a_handler_cannot_be_decorated_again() -> None:
    with pytest.raises(ValidationError, match="is one already: decorate it once"):
        durable_execution(Handler(greet))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: None, "must take the event and the context"),
        (lambda event: None, "must take the event and the context"),
        (lambda event, ctx, more: None, "must take the event and the context"),
        (lambda event, ctx, *, key: None, "must take the event and the context"),
        (7, "a durable function is a function, not 7"),
    ],
)
def test_what_has_the_wrong_form_is_told_the_right_one(wrong: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told) as caught:
        durable_execution(wrong)
    assert "def handler(event: Order, ctx: " in str(caught.value)


def test_a_generator_is_refused() -> None:
    def yields(event: Any, ctx: SyncDurableContext) -> Any:
        yield

    with pytest.raises(ValidationError, match="yields, and a durable function returns"):
        durable_execution(yields)  # type: ignore[call-overload]


def test_several_handlers_in_one_module_run_on_one_engine() -> None:
    with Engine(":memory:", clock=SkippingClock()) as engine:
        for handler in (Orders(Bank(1)), AsyncOrders(), Handler(greet)):
            engine.register(handler)
        results = [
            engine.start(name, event).result(timeout=10)
            for name, event in [("orders", {"lines": 1}), ("AsyncOrders", {"lines": 1}), ("greet", "ada")]
        ]
    assert results == [{"total": 11}, {"total": 11}, "ADA"]


def test_the_function_itself_is_called_in_a_test_without_a_service() -> None:
    class Fake:
        def step(self, name: str, fn: Any, *args: Any) -> Any:
            return fn(*args)

    assert Handler(greet).fn("ada", Fake()) == "ADA"  # type: ignore[arg-type]
    assert Orders(Bank(3)).handle(Order(2), Fake()) == Receipt(23)


# The error hook


def failing(kind: str) -> Callable[..., Any]:
    def body() -> None:
        raise LookupError("of a step")

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        match kind:
            case "the code":
                raise LookupError("of the code")
            case "a step":
                ctx.step("work", body, retry=0)
            case "a child":
                ctx.run_in_child_context("child", lambda ctx: ctx.step("work", body, retry=0))
            case "a branch":
                ctx.parallel("branches", [lambda ctx: ctx.step("work", body, retry=0)]).results()
            case "the result":
                return object()
            case _:
                ctx.step("other", int)
        return None

    return handler


@pytest.mark.parametrize(
    ("kind", "type_name"),
    [
        ("the code", "LookupError"),
        ("a step", "LookupError"),
        ("a child", "LookupError"),
        ("a branch", "BatchError"),
        ("the result", "SerializationError"),
    ],
)
def test_the_error_hook_sees_each_kind_of_failure_once(kind: str, type_name: str, execution_of: Any) -> None:
    seen: list[str] = []

    def on_error(error: Exception) -> None:
        seen.append(type(error).__name__)

    execution = execution_of(failing(kind), style=lambda fn, **options: Handler(fn, on_error=on_error, **options))
    assert execution.error()["ErrorType"].endswith(type_name)
    assert seen == [type_name]


def test_the_error_hook_sees_non_determinism_also_when_the_code_has_swallowed_it(execution_of: Any) -> None:
    seen: list[str] = []

    def before(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("work", int)
        ctx.wait("pause", 60)

    def after(event: Any, ctx: SyncDurableContext) -> str:
        try:
            ctx.step("other", int)
        except Exception:
            return "swallowed"
        return "done"

    def on_error(error: Exception) -> None:
        seen.append(type(error).__name__)

    execution = execution_of(before, style=lambda fn, **options: Handler(fn, on_error=on_error, **options))
    execution.suspends()
    assert seen == []
    assert execution.error(after)["ErrorType"].endswith("NonDeterministicExecutionError")
    assert seen == ["NonDeterministicExecutionError"]


@pytest.mark.parametrize("swallows", [False, True])
def test_the_error_hook_never_sees_a_suspension(swallows: bool, execution_of: Any) -> None:
    seen: list[BaseException] = []

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        try:
            ctx.wait("pause", 60)
        except Suspended:
            if swallows:
                raise LookupError("made of a suspension") from None
            raise

    execution = execution_of(handler, style=lambda fn, **options: Handler(fn, on_error=seen.append, **options))
    execution.suspends()
    assert seen == []


def test_the_error_hook_does_not_see_an_invocation_that_is_made_again() -> None:
    seen: list[BaseException] = []

    class Down(RecordingBackend):
        async def checkpoint(self, *args: Any, **options: Any) -> Any:
            raise OSError("no route")

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("work", int)

    with pytest.raises(Exception, match="no route"):
        Handler(handler, backend=Down(), on_error=seen.append)(invocation(), None)
    assert seen == []


async def replaced_async(error: Exception) -> BaseException:
    return PermissionError(f"instead of {error}")


def replaced(error: Exception) -> BaseException:
    return PermissionError(f"instead of {error}")


def raises(error: Exception) -> None:
    raise PermissionError(f"instead of {error}")


@pytest.mark.parametrize("on_error", [replaced, replaced_async, raises])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_error_hook_may_give_or_raise_another_error(on_error: Any, kind: str, execution_of: Any) -> None:
    async def fails(event: Any, ctx: DurableContext) -> None:
        raise LookupError("of the code")

    fn = failing("the code") if kind == "def" else fails
    execution = execution_of(fn, style=lambda fn, **options: Handler(fn, on_error=on_error, **options))
    error = execution.error()
    assert (error["ErrorType"], error["ErrorMessage"]) == ("PermissionError", "instead of of the code")


def test_an_error_hook_that_returns_something_else_is_told_so() -> None:
    handler = Handler(failing("the code"), backend=RecordingBackend(), on_error=lambda error: "no")  # type: ignore[arg-type]
    error = run(handler)["Error"]
    assert error["ErrorType"].endswith("ValidationError")
    assert "must return an exception or None, not 'no'" in error["ErrorMessage"]


def test_what_is_no_function_is_no_error_hook() -> None:
    with pytest.raises(ValidationError, match="on_error= takes a function of the exception"):
        durable_execution(on_error="tell me")(greet)  # type: ignore[arg-type]


def test_the_error_hook_of_a_class_and_of_its_subclass() -> None:
    class Base(DurableHandler, on_error=replaced, backend=RecordingBackend()):
        def handle(self, event: Any, ctx: SyncDurableContext) -> None:
            raise LookupError("of the class")

    class Plain(Base, on_error=None):
        pass

    assert run(Base())["Error"]["ErrorType"] == "PermissionError"
    assert run(Plain())["Error"]["ErrorType"] == "LookupError"


def test_the_annotations_of_a_def_handler_decode_its_event_and_check_its_result() -> None:
    def handler(event: Order, ctx: SyncDurableContext) -> Receipt:
        assert isinstance(event, Order)
        return Receipt(event.lines)

    assert Execution(handler, {"lines": 4}).result() == {"total": 4}
    error = Execution(handler, {"lines": "many"}).error()
    assert error["ErrorType"].endswith("DeserializationError")
    assert "the event of handler" in error["ErrorMessage"]

"""`saga`: what has succeeded is undone in reverse order, all of it attempted; a crash goes on with what is left."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import CompensationError, DurableContext, Retry
from prefixes import RememberingBackend, same_at_every_prefix, to_the_end

LOG: list[Any] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


def book(what: str) -> str:
    if what.startswith("no"):
        raise LookupError(what)
    return f"booking of {what}"


def cancel(booking: str, what: str) -> None:
    LOG.append((booking, what))
    if what.startswith("stuck"):
        raise ConnectionError(what)


def booking(*names: str, ending: Any = None, **options: Any) -> Any:
    """A function that books one after the other in a saga, and tells what came of it."""

    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            async with ctx.saga() as saga:
                for name in names:
                    await saga.step(name, book, name, compensate=cancel, retry=0, compensation_retry=0, **options)
                if ending is not None:
                    await ending(ctx, saga)
        except Exception as error:
            return repr(error)
        return "booked"

    return handler


def compensations(execution: Execution) -> list[tuple[str | None, str]]:
    """The compensations that were recorded, in order, with their status."""
    parent = next(op.id for op in execution.backend.operations.values() if op.name == "saga compensations")
    return [(op.name, op.status) for op in execution.backend.operations.values() if op.parent_id == parent]


def test_a_block_that_ends_well_undoes_nothing() -> None:
    execution = same_at_every_prefix(booking("flight", "hotel"))
    assert execution.result() == "booked"
    assert LOG == []
    assert set(execution.ids) == {"flight", "hotel"}


def test_what_succeeded_is_undone_in_reverse_order_with_result_and_arguments() -> None:
    execution = Execution(booking("flight", "hotel", "no car"))
    assert execution.result() == "LookupError('no car')"
    assert LOG == [("booking of hotel", "hotel"), ("booking of flight", "flight")]
    assert compensations(execution) == [("hotel", "SUCCEEDED"), ("flight", "SUCCEEDED")]
    assert execution.result() == "LookupError('no car')"
    assert len(LOG) == 2


def test_a_step_that_failed_is_not_undone() -> None:
    async def goes_on(ctx: DurableContext, saga: Any) -> None:
        with pytest.raises(LookupError):
            await saga.step("no car", book, "no car", compensate=cancel, retry=0)
        raise ValueError("no")

    execution = Execution(booking("flight", ending=goes_on))
    execution.result()
    assert compensations(execution) == [("flight", "SUCCEEDED")]


def test_an_exception_of_the_code_itself_compensates_too() -> None:
    async def raises(ctx: DurableContext, saga: Any) -> None:
        raise ValueError("changed my mind")

    assert same_at_every_prefix(booking("flight", ending=raises)).result() == "ValueError('changed my mind')"
    assert ("booking of flight", "flight") in LOG


def test_compensations_are_steps_of_a_child_context() -> None:
    execution = Execution(booking("flight", "no hotel"))
    execution.result()
    group = next(op for op in execution.backend.operations.values() if op.name == "saga compensations")
    assert (group.type, group.sub_type, group.parent_id) == ("CONTEXT", "RunInChildContext", None)


def test_the_number_of_compensations_moves_nothing_around_the_saga() -> None:
    ids = []
    for names in (("flight", "no hotel"), ("no flight",)):

        async def handler(event: Any, ctx: DurableContext, names: Any = names) -> None:
            await ctx.run_in_child_context("trip", lambda ctx: booking(*names)(event, ctx))
            await ctx.step("after", str)

        execution = Execution(handler)
        execution.result()
        ids.append(next(op.id for op in execution.backend.operations.values() if op.name == "after"))
    assert ids[0] == ids[1]


def test_every_compensation_is_attempted_although_one_fails() -> None:
    execution = Execution(booking("flight", "stuck hotel", "car", "no boat"))
    text = execution.result()
    assert text.startswith("CompensationError(")
    assert "'stuck hotel'" in text
    assert compensations(execution) == [("car", "SUCCEEDED"), ("stuck hotel", "FAILED"), ("flight", "SUCCEEDED")]


def test_a_failed_compensation_tells_each_outcome_and_the_cause_the_same_on_replay() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await booking_of(ctx, "flight", "stuck hotel", "no car")
        except CompensationError as error:
            result: Any = error.result
            return [
                [[item.step, repr(item.error)] for item in result.items],
                [item.step for item in result.succeeded],
                [item.step for item in result.failed],
                repr(error.__cause__),
                error.operation_name,
            ]

    assert same_at_every_prefix(handler).result() == [
        [["stuck hotel", "ConnectionError('stuck hotel')"], ["flight", "None"]],
        ["flight"],
        ["stuck hotel"],
        "LookupError('no car')",
        "trip",
    ]


async def booking_of(ctx: DurableContext, *names: str) -> None:
    async with ctx.saga("trip") as saga:
        for name in names:
            await saga.step(name, book, name, compensate=cancel, retry=0, compensation_retry=0)


def test_a_crash_in_the_middle_goes_on_with_the_compensations_that_are_left() -> None:
    backend = RememberingBackend()
    execution = Execution(booking("a", "b", "c", "no d"), backend=backend)
    assert execution.result() == "LookupError('no d')"
    for state in backend.states:
        undone = [op.name for op in state.values() if op.parent_id is not None and op.status == "SUCCEEDED"]
        LOG.clear()
        again = Execution(booking("a", "b", "c", "no d"), backend=RememberingBackend(state))
        assert again.result() == "LookupError('no d')"
        assert [what for _, what in LOG] == [name for name in ("c", "b", "a") if name not in undone]


def test_a_compensation_is_tried_again() -> None:
    async def fails(ctx: DurableContext, saga: Any) -> None:
        await saga.step("car", book, "car", compensate=flaky, compensation_retry=Retry.fixed(5))
        raise ValueError("no")

    def flaky(booking: str, what: str) -> None:
        LOG.append(what)
        if len(LOG) == 1:
            raise ConnectionError

    execution = Execution(booking("flight", ending=fails))
    execution.suspends()
    assert LOG == ["car"], "in order: the next one waits for it"
    assert to_the_end(execution)["Result"] == "ValueError('no')"
    assert [each if isinstance(each, str) else each[1] for each in LOG] == ["car", "car", "flight"]


def test_a_suspension_does_not_compensate() -> None:
    async def pauses(ctx: DurableContext, saga: Any) -> None:
        await ctx.wait("pause", 60)

    execution = Execution(booking("flight", ending=pauses))
    execution.suspends()
    assert LOG == []
    execution.elapse()
    assert execution.result() == "booked"
    assert LOG == []


def test_steps_go_on_across_invocations_and_are_undone_with_their_recorded_results() -> None:
    async def pauses(ctx: DurableContext, saga: Any) -> None:
        await ctx.wait("pause", 60)
        await saga.step("no car", book, "no car", compensate=cancel, retry=0)

    execution = Execution(booking("flight", ending=pauses))
    execution.suspends()
    execution.elapse()
    assert execution.result() == "LookupError('no car')"
    assert LOG == [("booking of flight", "flight")]


def test_compensations_may_be_run_explicitly_and_are_forgotten_then() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async with ctx.saga() as saga:
            await saga.step("flight", book, "flight", compensate=cancel)
            first = await saga.run_compensations()
            await saga.step("hotel", book, "hotel", compensate=cancel)
            second = await saga.run_compensations()
            third = await saga.run_compensations()
        return [[item.step for item in result.items] for result in (first, second, third)]

    execution = same_at_every_prefix(handler)
    LOG.clear()
    assert execution.result() == [["flight"], ["hotel"], []]
    assert LOG == []

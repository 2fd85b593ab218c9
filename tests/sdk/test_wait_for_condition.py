"""`wait_for_condition`: look, record what was seen, and look again later, until it is as it should be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Poll, ValidationError, WaitForConditionError
from prefixes import same_at_every_prefix, to_the_end

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    SEEN.clear()


@dataclass
class Job:
    checks: int = 0
    state: str = "running"


def look(job: Job) -> Job:
    SEEN.append(job)
    return Job(job.checks + 1, "done" if job.checks == 2 else "running")


async def alook(job: Job) -> Job:
    return look(job)


def is_done(job: Job) -> bool:
    return job.state == "done"


def watching(check: Any = look, until: Any = is_done, state: Any = None, **options: Any) -> Any:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        job = await ctx.wait_for_condition(
            "job", check, initial_state=Job() if state is None else state, until=until, **options
        )
        return [type(job).__name__, job.checks] if isinstance(job, Job) else job

    return handler


POLL = Poll(initial_delay=10, backoff=2, jitter="none")


def polls(execution: Execution) -> list[tuple[str, Any, int | None]]:
    """Action, payload and delay of each update but the STARTs."""
    return [
        (
            update.action,
            json.loads(update.payload or "null"),
            update.step_options.next_attempt_delay_seconds if update.step_options else None,
        )
        for update in execution.backend.updates
        if update.action != "START"
    ]


@pytest.mark.parametrize("check", [look, alook])
def test_each_poll_is_recorded_with_its_state_and_its_delay(check: Any) -> None:
    execution = Execution(watching(check, poll=POLL))
    assert to_the_end(execution)["Result"] == ["Job", 3]
    assert polls(execution) == [
        ("RETRY", {"checks": 1, "state": "running"}, 10),
        ("RETRY", {"checks": 2, "state": "running"}, 20),
        ("SUCCEED", {"checks": 3, "state": "done"}, None),
    ]
    assert [job.checks for job in SEEN] == [0, 1, 2]
    recorded = execution.operation("job")
    assert (recorded.type, recorded.sub_type) == ("STEP", "WaitForCondition")
    assert execution.result() == ["Job", 3]
    assert len(SEEN) == 3


def test_it_is_the_same_at_every_prefix() -> None:
    assert same_at_every_prefix(watching(poll=POLL)).result() == ["Job", 3]


def test_a_state_that_is_as_it_should_be_at_once_takes_one_call() -> None:
    execution = Execution(watching(state=Job(2)))
    assert execution.result() == ["Job", 3]
    assert len(execution.calls) == 1


def test_it_looks_at_least_once_although_the_initial_state_is_as_it_should_be() -> None:
    Execution(watching(state=Job(2, "done"))).result()
    assert len(SEEN) == 1


def test_a_poll_is_made_when_it_is_due_and_not_because_something_else_woke_the_execution() -> None:
    execution = Execution(watching(poll=POLL))
    execution.suspends()
    execution.suspends()
    assert execution.sent == []
    assert len(SEEN) == 1


def test_a_check_that_was_cut_off_gets_the_same_state_again() -> None:
    """READY keeps the state of the poll before, and so does the START of the next."""
    execution = Execution(watching(poll=POLL))
    execution.suspends()
    execution.elapse()
    execution.change("job", status="STARTED")
    execution.suspends()
    assert [job.checks for job in SEEN] == [0, 1]


def test_states_may_be_plain_json_without_an_annotation() -> None:
    def check(state: Any) -> Any:
        return {"checks": state["checks"] + 1}

    fn = watching(check, lambda state: state["checks"] == 2, {"checks": 0})
    assert same_at_every_prefix(fn).result() == {"checks": 2}


def test_a_state_may_be_none() -> None:
    def check(state: Any) -> Any:
        SEEN.append(state)
        return None if len(SEEN) < 3 else "there"

    async def handler(event: Any, ctx: DurableContext) -> Any:
        return await ctx.wait_for_condition("x", check, initial_state="initial", until=lambda state: state is not None)

    assert to_the_end(Execution(handler))["Result"] == "there"
    assert SEEN == ["initial", None, None]


def test_a_state_that_cannot_be_stored_is_an_error_that_is_recorded() -> None:
    def check(state: Any) -> Any:
        return {1, 2}

    execution = Execution(watching(check, lambda state: True))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.SerializationError"
    assert execution.operation("job").status == "FAILED"
    assert execution.error()["ErrorType"] == "durable_lambda.errors.SerializationError"


def test_polls_run_out_with_an_error_that_tells_how_many_there_were() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        try:
            await ctx.wait_for_condition(
                "job", look, initial_state=Job(10), until=is_done, poll=Poll(max_attempts=2, initial_delay=1)
            )
        except WaitForConditionError as error:
            await ctx.wait("pause", 60)
            return [error.code, error.operation_name, str(error)]

    assert same_at_every_prefix(handler).result() == [
        "CONDITION_FAILED",
        "job",
        "wait_for_condition 'job' was not met after 2 checks",
    ]


@pytest.mark.parametrize("where", ["check", "until"])
def test_an_error_of_the_check_or_of_until_is_not_tried_again_and_the_same_on_replay(where: str) -> None:
    def fails(state: Any) -> Any:
        SEEN.append(state)
        raise ConnectionError(where)

    async def handler(event: Any, ctx: DurableContext) -> Any:
        check, until = (fails, is_done) if where == "check" else (look, fails)
        try:
            await ctx.wait_for_condition("job", check, initial_state=Job(), until=until)
        except ConnectionError as error:
            return repr(error)

    execution = Execution(handler)
    assert execution.result() == f"ConnectionError('{where}')"
    seen = len(SEEN)
    assert execution.result() == f"ConnectionError('{where}')"
    assert len(SEEN) == seen


def test_a_check_cannot_call_operations() -> None:
    async def handler(event: Any, ctx: DurableContext) -> Any:
        async def check(state: int) -> int:
            return await ctx.step("inside", lambda: 1)

        with pytest.raises(ValidationError, match="cannot be called here"):
            await ctx.wait_for_condition("job", check, initial_state=0, until=bool)

    execution = Execution(handler)
    execution.result()
    assert "inside" not in execution.ids


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"check": 5}, "takes a function"),
        ({"until": True}, "until= of wait_for_condition() takes a function of the state"),
        ({"poll": 5}, "Poll("),
        ({"poll": None}, "Poll("),
    ],
)
def test_a_call_that_cannot_be_right_is_refused_before_anything_is_sent(options: dict[str, Any], told: str) -> None:
    execution = Execution(watching(**options))
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.ValidationError"
    assert told in error["ErrorMessage"]
    assert execution.calls == []


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": 0},
        {"max_attempts": True},
        {"max_attempts": 1.5},
        {"initial_delay": -1},
        {"initial_delay": "5"},
        {"max_delay": float("inf")},
        {"max_delay": timedelta(days=367)},
        {"backoff": 0.5},
        {"backoff": float("nan")},
        {"jitter": "some"},
    ],
)
def test_a_poll_has_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        Poll(**options)


def test_the_delays_of_a_poll_grow_to_the_longest_and_end_with_the_last_check() -> None:
    poll = Poll(max_attempts=5, initial_delay=4, max_delay=timedelta(seconds=20), backoff=2, jitter="none")
    assert [poll.delay_after(attempt) for attempt in range(1, 7)] == [4, 8, 16, 20, None, None]


@pytest.mark.parametrize(("jitter", "lowest"), [("full", 1), ("half", 50)])
def test_a_delay_with_jitter_stays_within_its_bounds(jitter: Any, lowest: int) -> None:
    delays = {Poll(initial_delay=100, jitter=jitter).delay_after(1) for _ in range(500)}
    assert all(delay is not None and lowest <= delay <= 100 for delay in delays)
    assert len(delays) > 20


def test_a_delay_is_at_least_a_second_and_bounded_however_many_checks_there_were() -> None:
    assert Poll(initial_delay=0, jitter="none").delay_after(1) == 1
    assert Poll(max_attempts=10**6, backoff=10, jitter="none").delay_after(10**5) == 300


def test_the_default_is_that_of_the_services_sdks() -> None:
    assert Poll() == Poll(max_attempts=60, initial_delay=5, max_delay=300, backoff=1.5, jitter="full")

"""`ctx.logger`: silent over what was done before, live from the first thing that is new."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, durable_execution
from recording import ARN, RecordingBackend, invocation

LOGGER = "durable_lambda.function"


class Lines:
    """What was logged since it was last asked."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    def __call__(self) -> list[str]:
        messages = [record.message for record in self._caplog.records if record.name == LOGGER]
        self._caplog.clear()
        return messages


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    with caplog.at_level(logging.INFO, LOGGER):
        yield Lines(caplog)


async def talkative(event: Any, ctx: DurableContext) -> str:
    ctx.logger.info("begins")
    await ctx.step("reserve", str)
    ctx.logger.info("reserved")
    await ctx.wait("pause", 60)
    ctx.logger.info("waited")
    await ctx.step("ship", str)
    ctx.logger.info("shipped")
    return "done"


def test_each_line_is_logged_once_over_all_invocations(lines: Lines) -> None:
    execution = Execution(talkative)
    execution.suspends()
    assert lines() == ["begins", "reserved"]
    execution.suspends()
    assert lines() == []
    execution.elapse()
    execution.result()
    assert lines() == ["waited", "shipped"]


def test_is_replaying_tells_the_same() -> None:
    seen: list[bool] = []

    async def watches(event: Any, ctx: DurableContext) -> None:
        seen.append(ctx.is_replaying)
        await ctx.step("reserve", str)
        seen.append(ctx.is_replaying)
        await ctx.wait("pause", 60)
        seen.append(ctx.is_replaying)

    execution = Execution(watches)
    execution.suspends()
    assert seen == [False, False]
    execution.elapse()
    seen.clear()
    execution.result()
    assert seen == [True, True, False]


def test_a_fresh_child_of_a_replayed_parent_is_live(lines: Lines) -> None:
    async def child(ctx: DurableContext) -> None:
        ctx.logger.info("in the child")
        await ctx.step("inner", str)
        ctx.logger.info("after the inner step")

    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.logger.info("before")
        pause = ctx.wait("pause", 60)
        await pause
        await ctx.run_in_child_context("group", child)
        ctx.logger.info("after")

    execution = Execution(handler)
    execution.suspends()
    assert lines() == ["before"]
    execution.elapse()
    execution.result()
    assert lines() == ["in the child", "after the inner step", "after"]


def test_a_child_that_is_run_again_is_silent_until_it_comes_to_something_new(lines: Lines) -> None:
    async def child(ctx: DurableContext) -> None:
        ctx.logger.info("child begins")
        await ctx.wait("pause", 60)
        ctx.logger.info("child waited")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("group", child)

    execution = Execution(handler)
    execution.suspends()
    assert lines() == ["child begins"]
    execution.elapse()
    execution.result()
    assert lines() == ["child waited"]


def test_branches_are_silent_for_themselves(lines: Lines) -> None:
    async def branch(ctx: DurableContext, name: str) -> None:
        ctx.logger.info("%s begins", name)
        await ctx.wait(name, 60)
        ctx.logger.info("%s waited", name)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await asyncio.gather(branch(ctx, "a"), branch(ctx, "b"))

    execution = Execution(handler)
    execution.suspends()
    assert lines() == ["a begins", "b begins"]
    execution.change("a", status="SUCCEEDED")
    execution.suspends()
    assert lines() == ["a waited"]


def test_a_body_logs_whenever_it_runs(lines: Lines) -> None:
    from durable_lambda import current_step

    def body() -> None:
        current_step().logger.info("attempt %d", current_step().attempt)
        if current_step().attempt == 1:
            raise ConnectionError("no")

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", body)

    execution = Execution(handler)
    execution.suspends()
    assert lines() == ["attempt 1"]
    execution.elapse()
    execution.result()
    assert lines() == ["attempt 2"]
    execution.result()
    assert lines() == []


def test_a_line_has_the_fields_of_the_execution(caplog: pytest.LogCaptureFixture) -> None:
    async def child(ctx: DurableContext) -> None:
        ctx.logger.warning("in the child")

    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.logger.warning("in the handler")
        await ctx.run_in_child_context("group", child)

    lambda_context: Any = SimpleNamespace(
        aws_request_id="r-1", invoked_function_arn=ARN, get_remaining_time_in_millis=lambda: 1500
    )
    backend = RecordingBackend()
    durable_execution(backend=backend)(handler)(invocation(), lambda_context)
    outer, inner = (vars(record) for record in caplog.records)
    assert (outer["executionArn"], outer["requestId"], outer["parentId"]) == (ARN, "r-1", None)
    assert inner["parentId"] == next(iter(backend.operations))


def test_a_call_may_add_fields_of_its_own_and_goes_before_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.logger.warning("with %s", "fields", extra={"orderId": "o-1", "requestId": "mine"})

    Execution(handler).result()
    [record] = caplog.records
    assert record.message == "with fields"
    assert (vars(record)["orderId"], vars(record)["requestId"]) == ("o-1", "mine")


def test_the_fields_can_be_written_as_json(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.logger.warning("line")

    Execution(handler).result()
    fields = {key: value for key, value in vars(caplog.records[0]).items() if key in ("executionArn", "parentId")}
    assert json.loads(json.dumps(fields)) == fields


def test_a_line_is_told_where_it_was_written(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.logger.warning("line")

    Execution(handler).result()
    [record] = caplog.records
    assert (record.filename, record.funcName) == ("test_logging.py", "handler")


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_levels_are_the_users_own(level: str, caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        getattr(ctx.logger, level)("line")

    with caplog.at_level(logging.WARNING, LOGGER):
        Execution(handler).result()
    logged = [record.levelname for record in caplog.records]
    assert logged == ([level.upper()] if level in ("warning", "error", "critical") else [])


def test_an_exception_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            raise ValueError("no")
        except ValueError:
            ctx.logger.exception("caught")

    Execution(handler).result()
    [record] = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError


def test_a_handler_that_is_added_later_knows_about_replay() -> None:
    class Collect(logging.Handler):
        def __init__(self) -> None:
            super().__init__()
            self.messages: list[str] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.messages.append(record.getMessage())

    collect = Collect()
    logger = logging.getLogger(LOGGER)
    execution = Execution(talkative)
    execution.suspends()
    execution.elapse()
    level = logger.level
    logger.setLevel(logging.INFO)
    logging.getLogger().addHandler(collect)
    try:
        execution.result()
    finally:
        logging.getLogger().removeHandler(collect)
        logger.setLevel(level)
    assert collect.messages == ["waited", "shipped"]


def test_the_package_adds_no_handlers_and_sets_no_levels() -> None:
    Execution(talkative).suspends()
    for name in ("durable_lambda", LOGGER):
        assert logging.getLogger(name).handlers == []
        assert logging.getLogger(name).level == logging.NOTSET

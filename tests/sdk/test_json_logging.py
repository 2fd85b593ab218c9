"""Log lines as JSON: whose they are, what they say, and that nothing that is logged can break them."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from drive import Execution
from durable_lambda import DurableContext, ExecutionFields, JsonFormatter, current_step, durable_execution
from recording import ARN, RecordingBackend, invocation

FIELDS = ("executionArn", "requestId", "parentId", "operationId", "operationName", "attempt")
PLAIN = logging.getLogger("tests.json")


class Written:
    """What a handler with a formatter has written."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line, parse_constant=refused) for line in self._stream.getvalue().splitlines()]

    def line(self) -> dict[str, Any]:
        [line] = self.lines()
        return line


def refused(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture
def written() -> Iterator[Written]:
    """The root logger writes JSON, as a program has it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    yield Written(stream)
    root.removeHandler(handler)
    root.setLevel(level)


def run_in_lambda(fn: Any) -> RecordingBackend:
    lambda_context: Any = SimpleNamespace(
        aws_request_id="r-1", invoked_function_arn=ARN, get_remaining_time_in_millis=lambda: 1500
    )
    backend = RecordingBackend()
    assert durable_execution(backend=backend)(fn)(invocation(), lambda_context)["Status"] == "SUCCEEDED"
    return backend


def of(line: dict[str, Any]) -> dict[str, Any]:
    return {key: line[key] for key in FIELDS if key in line}


# What a line says


def test_a_line_has_when_how_bad_what_and_who(written: Written) -> None:
    PLAIN.warning("paid %d", 7)
    line = written.line()
    assert (line["level"], line["message"], line["logger"]) == ("WARNING", "paid 7", "tests.json")
    moment = datetime.fromisoformat(line["timestamp"])
    assert moment.tzinfo == UTC
    assert line["timestamp"].endswith("Z")
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert set(line) == {"timestamp", "level", "message", "logger"}


@pytest.mark.parametrize("logger", ["ctx", "plain"])
def test_a_line_of_the_handler_names_its_execution(written: Written, logger: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        (ctx.logger if logger == "ctx" else PLAIN).info("line")

    run_in_lambda(handler)
    assert of(written.line()) == {"executionArn": ARN, "requestId": "r-1"}


@pytest.mark.parametrize("logger", ["current_step", "plain"])
@pytest.mark.parametrize("on_thread", [False, True], ids=["async", "thread"])
def test_a_line_of_a_body_names_its_step(written: Written, logger: str, on_thread: bool) -> None:
    def log() -> None:
        (current_step().logger if logger == "current_step" else PLAIN).info("line")

    async def log_async() -> None:
        log()

    async def child(ctx: DurableContext) -> None:
        await ctx.step("work", log if on_thread else log_async)

    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.run_in_child_context("group", child)

    operations = run_in_lambda(handler).operations
    group, work = operations
    assert of(written.line()) == {
        "executionArn": ARN,
        "requestId": "r-1",
        "parentId": group,
        "operationId": work,
        "operationName": "work",
        "attempt": 1,
    }


def test_a_plain_logger_writes_in_every_replay_and_ctx_logger_once(written: Written) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        ctx.logger.info("once")
        PLAIN.info("each time")
        await ctx.wait("pause", 60)

    execution = Execution(handler)
    execution.suspends()
    execution.elapse()
    execution.result()
    assert [line["message"] for line in written.lines()] == ["once", "each time", "each time"]


def test_a_line_outside_of_durable_functions_names_none(written: Written) -> None:
    Execution(one_step).result()
    PLAIN.info("line")
    assert of(written.line()) == {}


async def one_step(event: Any, ctx: DurableContext) -> None:
    await ctx.step("work", str)


def test_extra_fields_are_fields_of_the_line(written: Written) -> None:
    PLAIN.info("line", extra={"orderId": "o-1", "lines": [1, 2], "nothing": None})
    line = written.line()
    assert (line["orderId"], line["lines"]) == ("o-1", [1, 2])
    assert "nothing" not in line


def test_extra_fields_go_before_those_of_the_execution_and_never_before_the_message(written: Written) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        PLAIN.info("line", extra={"requestId": "mine", "level": "odd", "logger": "odd", "timestamp": "odd"})

    run_in_lambda(handler)
    line = written.line()
    assert line["requestId"] == "mine"
    assert "odd" not in line.values()


def test_a_dict_as_message_stays_one(written: Written) -> None:
    PLAIN.info({"order": "o-1", "total": Decimal("1.10")})
    assert written.line()["message"] == {"order": "o-1", "total": "1.10"}


def test_an_exception_is_told_with_what_caused_it(written: Written) -> None:
    try:
        try:
            raise KeyError("sku")
        except KeyError as error:
            raise ValueError("no such line") from error
    except ValueError:
        PLAIN.exception("failed")
    line = written.line()
    assert (line["errorType"], line["errorMessage"]) == ("ValueError", "no such line")
    assert "KeyError: 'sku'" in line["stackTrace"]
    assert line["stackTrace"][-1] == "ValueError: no such line"
    assert Path(__file__).name in line["location"]


def test_exc_info_without_an_exception_is_no_exception(written: Written) -> None:
    PLAIN.error("line", exc_info=True)
    assert "errorType" not in written.line()


def test_a_stack_is_told_when_it_is_asked_for(written: Written) -> None:
    PLAIN.info("line", stack_info=True)
    assert "test_a_stack_is_told" in written.line()["stackInfo"]


# What could break a line


class NoText:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@dataclass
class Card:
    holder: str
    number: str = field(repr=False)


def within_itself() -> dict[str, Any]:
    found: dict[str, Any] = {"a": 1}
    found["self"] = [found, found]
    return found


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2027, 1, 2, 3, 4, tzinfo=UTC), "2027-01-02T03:04:00+00:00"),
        (date(2027, 1, 2), "2027-01-02"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Path("/tmp/x"), "/tmp/x"),
        ({1}, [1]),
        (b"\xff", r"b'\xff'"),
        (float("nan"), "nan"),
        ([float("inf")], ["inf"]),
        ({(1, 2): "pair", 3: "three"}, {"(1, 2)": "pair", "3": "three"}),
        (NoText(), "<NoText without text>"),
        ({"inner": [NoText()]}, {"inner": ["<NoText without text>"]}),
        (within_itself(), {"a": 1, "self": ["…", "…"]}),
        (Card("Ada", "4111"), "Card(holder='Ada')"),
        (10**5_000, "<int without text>"),
        ("\ud800", "\ud800"),
        ("one\ntwo\u2028three\x85four", "one\ntwo\u2028three\x85four"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_can_be_logged(written: Written, value: Any, expected: Any) -> None:
    PLAIN.info("line", extra={"value": value})
    assert written.line()["value"] == expected


def test_what_is_too_deep_is_cut(written: Written) -> None:
    PLAIN.info("line", extra={"value": deep()})
    assert "…" in json.dumps(written.line(), ensure_ascii=False)


def test_a_line_can_be_encoded_whatever_is_in_it() -> None:
    record = logging.makeLogRecord({"msg": "\udcff é", "value": "\ud800"})
    line = JsonFormatter().format(record)
    assert json.loads(line.encode("utf-8"))["message"] == "\udcff é"
    assert "é" in line


def test_arguments_that_do_not_fit_the_message_are_shown() -> None:
    record = logging.makeLogRecord({"msg": "%d items", "args": ("three",)})
    assert json.loads(JsonFormatter().format(record))["message"] == "%d items ('three',)"


def test_an_exception_that_can_be_asked_for_nothing_is_written_all_the_same() -> None:
    class HostileError(Exception):
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(f"no {name}")

    def fail() -> None:
        raise HostileError("gone")

    try:
        fail()
    except HostileError as error:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": (HostileError, error, error.__traceback__)})
    line = json.loads(JsonFormatter().format(record))
    assert (line["errorType"], line["errorMessage"]) == ("HostileError", "gone")
    assert any("in fail" in each for each in line["stackTrace"])


def test_an_exception_without_text_is_told(written: Written) -> None:
    class NoTextError(NoText, Exception): ...

    PLAIN.error("failed", exc_info=NoTextError())
    assert written.line()["errorMessage"] == "<no text: RuntimeError>"


# Under Lambda


def lambda_handler_with_its_own_formatter(stream: io.StringIO) -> logging.Handler:
    """What Lambda's runtime client adds to the root logger for the log format JSON."""
    client = pytest.importorskip("awslambdaric.bootstrap")
    formatting = pytest.importorskip("awslambdaric.lambda_runtime_log_utils")
    handler = client.LambdaLoggerHandler(SimpleNamespace(log=stream.write))
    handler.setFormatter(formatting.JsonFormatter())
    handler.addFilter(client.LambdaLoggerFilter())
    return handler


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Written, logging.Handler]]:
    stream = io.StringIO()
    handler = lambda_handler_with_its_own_formatter(stream)
    monkeypatch.setattr(sys.modules["awslambdaric.bootstrap"], "_GLOBAL_AWS_REQUEST_ID", "r-1")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    yield Written(stream), handler
    root.removeHandler(handler)
    root.setLevel(level)


async def logs_everywhere(event: Any, ctx: DurableContext) -> None:
    def log() -> None:
        current_step().logger.info("step logger")
        PLAIN.info("plain in a body")

    ctx.logger.info("ctx logger")
    PLAIN.info("plain")
    await ctx.step("work", log)


def test_lambdas_own_json_format_has_the_fields_of_our_loggers(in_lambda: tuple[Written, logging.Handler]) -> None:
    run_in_lambda(logs_everywhere)
    ctx, plain, step, plain_in_body = in_lambda[0].lines()
    assert of(ctx) == {"executionArn": ARN, "requestId": "r-1"}
    assert (step["operationName"], step["attempt"]) == ("work", 1)
    assert of(plain) == of(plain_in_body) == {"requestId": "r-1"}


def test_with_the_filter_it_has_them_of_every_logger(in_lambda: tuple[Written, logging.Handler]) -> None:
    written, handler = in_lambda
    handler.addFilter(ExecutionFields())
    run_in_lambda(logs_everywhere)
    ctx, plain, step, plain_in_body = written.lines()
    assert of(plain) == of(ctx)
    assert of(plain_in_body) == of(step)
    assert of(step)["operationName"] == "work"


def test_our_lines_have_the_names_that_lambdas_have(in_lambda: tuple[Written, logging.Handler]) -> None:
    written, handler = in_lambda
    theirs, ours = handler.formatter, JsonFormatter()
    assert theirs is not None
    try:
        raise ValueError("no")
    except ValueError as error:
        record = logging.makeLogRecord(
            {
                "name": "tests",
                "msg": "failed",
                "levelno": logging.ERROR,
                "levelname": "ERROR",
                "exc_info": (type(error), error, error.__traceback__),
                "aws_request_id": "r-1",
                "tenant_id": "t-1",
                "orderId": "o-1",
            }
        )
    mine, lambdas = json.loads(ours.format(record)), json.loads(theirs.format(record))
    assert set(mine) == set(lambdas)
    same = set(mine) - {"timestamp", "stackTrace"}
    assert {key: mine[key] for key in same} == {key: lambdas[key] for key in same}
    assert written.lines() == []


def test_the_filter_keeps_every_record_and_what_it_has() -> None:
    seen: list[logging.LogRecord] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        record = logging.makeLogRecord({"requestId": "mine"})
        assert ExecutionFields().filter(record)
        seen.append(record)

    run_in_lambda(handler)
    outside = logging.makeLogRecord({})
    assert ExecutionFields().filter(outside)
    assert (vars(seen[0])["requestId"], vars(seen[0])["executionArn"]) == ("mine", ARN)
    assert not set(FIELDS) & set(vars(outside))

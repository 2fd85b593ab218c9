"""`durable` against the API of Lambda: the real command and the real boto3, in front of an engine's own server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from command import Cli, callback_id_in, read_until
from durable_lambda import CallbackClient, DurableContext, Retry, current_step, durable_execution
from durable_lambda.cli.rebuilt import operations_of
from durable_lambda.engine import Engine, Execution, Limits, SkippingClock
from durable_lambda.engine.api import Server
from durable_lambda.protocol.operations import Operation

pytestmark = pytest.mark.usefixtures("no_aws")


def fail_once() -> int:
    if current_step().attempt == 1:
        raise ConnectionError("not yet")
    return 2


@durable_execution
async def orders(event: Any, ctx: DurableContext) -> Any:
    async def pack(ctx: DurableContext) -> str:
        await ctx.step("box", lambda: "box")
        return "packed"

    await ctx.step("charge", fail_once, retry=Retry.fixed(max_attempts=2, delay=1))
    await ctx.wait("cool-down", timedelta(seconds=5))
    await ctx.run_in_child_context("pack", pack)
    if event == "wrong":
        raise ValueError("this order is wrong")
    if event == "ask":
        approval = await ctx.create_callback("approval", timeout=timedelta(days=1))
        return await ctx.callback_result(approval)
    return event


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine(clock=SkippingClock(), limits=Limits(page_bytes=1000)) as engine:  # so that a history has several pages
        engine.register(orders, "orders")
        yield engine


@pytest.fixture
def url(engine: Engine) -> Iterator[str]:
    with Server(engine, port=0) as server:
        yield server.url


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    runner = Cli(tmp_path)
    del runner.environment["PYTHONWARNINGS"]  # botocore's own
    yield runner
    runner.close()


@pytest.fixture
def there(url: str) -> list[str]:
    return ["--endpoint-url", url, "--function", "orders"]


def test_invoke_follows_the_execution_to_its_result(cli: Cli, engine: Engine, url: str) -> None:
    done = cli("invoke", "orders:live", "--event", '{"id": 7}', "--name", "order-7", "--endpoint-url", url)
    assert done.returncode == 0, done.stderr
    assert re.search(r"charge  step  succeeded  attempt 2", done.stdout)
    assert re.search(r"pack  run_in_child_context  succeeded", done.stdout)
    assert done.stdout.endswith('{\n  "id": 7\n}\n')
    assert done.stderr == f"{engine.execution('order-7').arn}\n"


def test_invoke_of_what_fails_has_exit_code_1_and_the_error(cli: Cli, url: str) -> None:
    done = cli("invoke", "orders:live", "--event", '"wrong"', "--endpoint-url", url)
    assert done.returncode == 1
    assert "ValueError: this order is wrong" in done.stdout


def test_invoke_shows_how_to_answer_a_callback_and_goes_on_when_it_is_answered(cli: Cli, url: str) -> None:
    process = cli.start("invoke", "orders:live", "--event", '"ask"', "--endpoint-url", url)
    seen = read_until(process, "durable callback success")
    command = seen[seen.index("durable callback success") :].split()
    assert command[-2:] == ["--endpoint-url", url]
    answered = cli("callback", "success", callback_id_in(seen), "--result", '"yes"', "--endpoint-url", url)
    assert answered.returncode == 0, answered.stderr
    assert process.wait(20) == 0


def test_invoke_without_waiting_tells_the_arn(cli: Cli, engine: Engine, url: str) -> None:
    told = cli.json("invoke", "orders", "--event", "1", "--name", "n1", "--no-wait", "--endpoint-url", url)
    assert told == {"DurableExecutionArn": engine.execution("n1").arn}


def test_list_and_show_tell_of_the_service_what_they_tell_of_a_file(cli: Cli, engine: Engine, there: list[str]) -> None:
    engine.start("orders", 1, execution_name="n1").result(10)
    assert [each["DurableExecutionName"] for each in cli.json("list", *there)["DurableExecutions"]] == ["n1"]
    shown = cli("show", "n1", *there).stdout
    assert re.search(r"n1  succeeded .*\n├─ ✓ charge +step.*\n├─ ✓ cool-down.*\n└─ ✓ pack.*\n   └─ ✓ box", shown)
    followed = cli("show", "n1", *there, "--follow")
    assert (followed.returncode, followed.stdout.splitlines()[-1]) == (0, "1")


def test_a_history_in_pages_is_put_together(cli: Cli, engine: Engine, there: list[str]) -> None:
    execution = engine.start("orders", 1, execution_name="n1")
    execution.result(10)
    events = cli.json("history", "n1", *there)["Events"]
    assert [event["EventId"] for event in events] == list(range(1, len(execution.history()) + 1))
    assert len(events) > 9


def test_a_paused_execution_is_invoked_again_when_it_is_resumed(cli: Cli, engine: Engine, there: list[str]) -> None:
    execution = engine.start("orders", "ask", execution_name="n1")
    callback_id = callback_of(execution)
    assert cli("pause", "n1", *there, "--reason", "a holiday").stdout == "n1  paused\n"
    engine.send_callback_success(callback_id, "yes")
    assert cli.json("show", "n1", *there)["Status"] == "PAUSED"
    shown = cli("show", "n1", *there).stdout.splitlines()
    assert shown[0].startswith("n1  paused  ")
    assert shown[-1] == "paused: a holiday"
    assert "PAUSED" in cli.refused("pause", "n1", *there, code=1)
    assert cli.json("resume", "n1", *there)["Status"] in ("RUNNING", "SUCCEEDED")
    assert execution.result(10) == "yes"
    paused = next(
        each for each in cli.json("history", "n1", *there)["Events"] if each["EventType"] == "ExecutionPaused"
    )
    assert paused["ExecutionPausedDetails"]["Reason"]["Payload"] == "a holiday"


def test_who_follows_an_execution_is_told_that_it_is_paused_and_why(cli: Cli, engine: Engine, there: list[str]) -> None:
    callback_id = callback_of(engine.start("orders", "ask", execution_name="n1"))
    process = cli.start("show", "n1", *there, "--follow")
    read_until(process, "durable callback success")
    cli("pause", "n1", *there, "--reason", "a holiday")
    read_until(process, "n1  paused")
    engine.send_callback_success(callback_id, "yes")
    cli("resume", "n1", *there)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "n1 is paused: a holiday\n")


def test_an_execution_is_stopped_and_then_deleted(cli: Cli, engine: Engine, there: list[str]) -> None:
    execution = engine.start("orders", "ask", execution_name="n1")
    assert "has not ended" in cli.refused("delete", "n1", *there, code=1)
    assert cli("stop", execution.arn, *there, "--message", "enough").stdout == "n1  stopped\n"
    assert cli("delete", "n1", *there).stdout == "n1  deleted\n"
    assert "n1" in cli.refused("show", "n1", *there)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--region", "eu-west-1"], "--function is missing"),
        (["show", "n1", "--region", "eu-west-1"], "--function is missing"),
        (["list", "--function", "f"], r"no AWS region is known: .*--region"),
        (["list", "--function", "f", "--endpoint-url", "127.0.0.1:9000"], "begins with http:// or https://"),
        (["list", "--function", "f", "--endpoint-url", "http://"], "begins with http:// or https://"),
        (["list", "--function", "f", "--region", "eu-west-1"], "Unable to locate credentials"),
        (["list", "--function", "f", "--profile", "nobody"], r"profile \(nobody\) could not be found"),
        (["list", "--function", "f", "--db", "x.db"], "one or the other"),
        (["show", "n1", "--follow"], "give --region, --profile or --endpoint-url"),
    ],
)
def test_what_is_missing_is_told_in_one_line(cli: Cli, arguments: list[str], told: str) -> None:
    assert re.search(told, cli.refused(*arguments))


def test_what_the_service_refuses_is_told_in_one_line(cli: Cli, url: str) -> None:
    refused = cli.refused("callback", "success", "AAAA", "--endpoint-url", url)
    assert refused == "callback AAAA: ResourceNotFoundException: Invalid callback id"


def test_a_server_that_is_not_there_is_told_in_one_line(cli: Cli) -> None:
    refused = cli.refused("list", "--function", "f", "--endpoint-url", "http://127.0.0.1:9")
    assert "Could not connect" in refused
    assert refused.endswith(": is a server running there (`durable serve`)?")


def test_a_lambda_function_answers_a_callback_with_its_own_role(
    engine: Engine, url: str, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    execution = engine.start("orders", "ask")
    callback_id = callback_of(execution)
    client = CallbackClient()
    client.send_heartbeat(callback_id)
    client.send_success(callback_id, {"approved": True})
    assert execution.result(10) == {"approved": True}
    with pytest.raises(ClientError, match="CallbackTimeoutException"):
        client.send_failure(callback_id, "too late")


def test_operations_put_together_from_a_history_are_those_of_the_engine(engine: Engine) -> None:
    for event in (1, "wrong"):
        execution = engine.start("orders", event)
        execution.wait(10)
        rebuilt = operations_of(execution.history())
        assert [_told(each) for each in rebuilt] == [_told(each) for each in execution.operations()]


def callback_of(execution: Execution) -> str:
    """The callback that an execution waits for, as soon as it does."""
    told = Event()
    execution.watch(told.set)
    while True:
        for operation in execution.operations():
            if operation.callback_details is not None and operation.callback_details.callback_id:
                return operation.callback_details.callback_id
        assert told.wait(10)
        told.clear()


def _told(operation: Operation) -> tuple[Any, ...]:
    attempts = operation.step_details.attempt if operation.step_details else None
    return operation.id, operation.type, operation.status, operation.name, operation.parent_id, attempts

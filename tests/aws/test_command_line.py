"""`durable` against the API of Lambda: the real command and the real boto3, in front of an engine in this process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws.engine_api import EngineApi
from command import Cli, callback_id_in, read_until
from durable_lambda import CallbackClient, DurableContext, Retry, current_step, durable_execution
from durable_lambda.cli.rebuilt import operations_of
from durable_lambda.engine import Engine, SkippingClock
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
def api() -> Iterator[EngineApi]:
    with Engine(clock=SkippingClock()) as engine:
        engine.register(orders, "orders")
        with EngineApi(engine).running() as running:
            yield running


@pytest.fixture
def cli(tmp_path: Path, api: EngineApi) -> Iterator[Cli]:
    runner = Cli(tmp_path)
    del runner.environment["PYTHONWARNINGS"]  # botocore's own
    yield runner
    runner.close()


@pytest.fixture
def there(api: EngineApi) -> list[str]:
    return ["--endpoint-url", api.url, "--function", "orders"]


def test_invoke_follows_the_execution_to_its_result(cli: Cli, api: EngineApi) -> None:
    done = cli("invoke", "orders:live", "--event", '{"id": 7}', "--name", "order-7", "--endpoint-url", api.url)
    assert done.returncode == 0, done.stderr
    assert re.search(r"charge  step  succeeded  attempt 2", done.stdout)
    assert re.search(r"pack  run_in_child_context  succeeded", done.stdout)
    assert done.stdout.endswith('{\n  "id": 7\n}\n')
    assert done.stderr == f"{api.engine.execution('order-7').arn}\n"


def test_invoke_of_what_fails_has_exit_code_1_and_the_error(cli: Cli, api: EngineApi) -> None:
    done = cli("invoke", "orders:live", "--event", '"wrong"', "--endpoint-url", api.url)
    assert done.returncode == 1
    assert "ValueError: this order is wrong" in done.stdout


def test_invoke_shows_how_to_answer_a_callback_and_goes_on_when_it_is_answered(cli: Cli, api: EngineApi) -> None:
    process = cli.start("invoke", "orders:live", "--event", '"ask"', "--endpoint-url", api.url)
    seen = read_until(process, "durable callback success")
    command = seen[seen.index("durable callback success") :].split()
    assert command[-2:] == ["--endpoint-url", api.url]
    answered = cli("callback", "success", callback_id_in(seen), "--result", '"yes"', "--endpoint-url", api.url)
    assert answered.returncode == 0, answered.stderr
    assert process.wait(20) == 0


def test_invoke_without_waiting_tells_the_arn(cli: Cli, api: EngineApi) -> None:
    told = cli.json("invoke", "orders", "--event", "1", "--name", "n1", "--no-wait", "--endpoint-url", api.url)
    assert told == {"DurableExecutionArn": api.engine.execution("n1").arn}


def test_list_and_show_tell_of_the_service_what_they_tell_of_a_file(cli: Cli, api: EngineApi, there: list[str]) -> None:
    api.engine.start("orders", 1, execution_name="n1").result(10)
    assert [each["DurableExecutionName"] for each in cli.json("list", *there)["DurableExecutions"]] == ["n1"]
    shown = cli("show", "n1", *there).stdout
    assert re.search(r"n1  succeeded .*\n├─ ✓ charge +step.*\n├─ ✓ cool-down.*\n└─ ✓ pack.*\n   └─ ✓ box", shown)
    followed = cli("show", "n1", *there, "--follow")
    assert (followed.returncode, followed.stdout.splitlines()[-1]) == (0, "1")


def test_a_history_in_pages_is_put_together(cli: Cli, api: EngineApi, there: list[str]) -> None:
    execution = api.engine.start("orders", 1, execution_name="n1")
    execution.result(10)
    events = cli.json("history", "n1", *there)["Events"]
    assert [event["EventId"] for event in events] == list(range(1, len(execution.history()) + 1))
    assert len(events) > 9


def test_what_runs_is_stopped_paused_resumed_and_deleted(cli: Cli, api: EngineApi, there: list[str]) -> None:
    execution = api.engine.start("orders", "ask", execution_name="n1")
    assert cli("pause", "n1", *there, "--reason", "later").stdout == "pausing: n1\n"
    assert cli("resume", "n1", *there).stdout == "resumed: n1\n"
    assert cli("stop", execution.arn, *there, "--message", "enough").stdout == "n1  stopped\n"
    assert cli("delete", "n1", *there).stdout == "deleted: n1\n"
    assert [(verb, arn) for verb, arn, _ in api.noted] == [
        (verb, execution.arn) for verb in ("pause", "resume", "delete")
    ]
    assert api.noted[0][2]["Reason"] == "later"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--region", "eu-west-1"], "--function is missing"),
        (["show", "n1", "--region", "eu-west-1"], "--function is missing"),
        (["list", "--function", "f"], "no AWS region is known"),
        (["list", "--function", "f", "--region", "eu-west-1"], "Unable to locate credentials"),
        (["list", "--function", "f", "--profile", "nobody"], r"profile \(nobody\) could not be found"),
        (["list", "--function", "f", "--db", "x.db"], "one or the other"),
        (["pause", "n1"], "give --region, --profile or --endpoint-url"),
        (["show", "n1", "--follow"], "give --region, --profile or --endpoint-url"),
    ],
)
def test_what_is_missing_is_told_in_one_line(cli: Cli, arguments: list[str], told: str) -> None:
    assert re.search(told, cli.refused(*arguments))


def test_what_the_service_refuses_is_told_in_one_line(cli: Cli, api: EngineApi) -> None:
    refused = cli.refused("callback", "success", "AAAA", "--endpoint-url", api.url)
    assert refused == "callback AAAA: ResourceNotFoundException: Invalid callback id"


def test_a_server_that_is_not_there_is_told_in_one_line(cli: Cli) -> None:
    assert "Could not connect" in cli.refused("list", "--function", "f", "--endpoint-url", "http://127.0.0.1:9")


def test_a_lambda_function_answers_a_callback_with_its_own_role(
    api: EngineApi, keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", api.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    execution = api.engine.start("orders", "ask")
    told = Event()
    execution.watch(told.set)
    while not (waiting := [each for each in execution.operations() if each.callback_details]):
        assert told.wait(10)
        told.clear()
    assert waiting[0].callback_details is not None
    callback_id = str(waiting[0].callback_details.callback_id)
    client = CallbackClient()
    client.send_heartbeat(callback_id)
    client.send_success(callback_id, {"approved": True})
    assert execution.result(10) == {"approved": True}
    with pytest.raises(ClientError, match="CallbackTimeoutException"):
        client.send_failure(callback_id, "too late")


def test_operations_put_together_from_a_history_are_those_of_the_engine(api: EngineApi) -> None:
    for event in (1, "wrong"):
        execution = api.engine.start("orders", event)
        execution.wait(10)
        rebuilt = operations_of(execution.history())
        assert [_told(each) for each in rebuilt] == [_told(each) for each in execution.operations()]


def _told(operation: Operation) -> tuple[Any, ...]:
    attempts = operation.step_details.attempt if operation.step_details else None
    return operation.id, operation.type, operation.status, operation.name, operation.parent_id, attempts

"""`CloudTestRunner` with boto3's own client, whose answers are stubbed and held against the service's model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from durable_lambda import BackendError, DurableContext, ExecutionFailedError, ValidationError, durable_execution
from durable_lambda.testing import CloudTestRunner, DurableTestRunner, assert_shape

ARN = (
    "arn:aws:lambda:us-east-1:123456789012:function:order:1/durable-execution/one/0d0d0d0d-0000-4000-8000-000000000000"
)


async def body() -> int:
    return 1


@durable_execution
async def order(event: str, ctx: DurableContext) -> str:
    await ctx.step("first", body)
    return await ctx.callback_result(await ctx.create_callback("approval"), str)


@pytest.fixture
def service() -> Iterator[Stubber]:
    client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def runner(service: Stubber) -> CloudTestRunner:
    return CloudTestRunner("order:1", client=service.client, poll=0, timeout=5)


def moments(value: Any) -> Any:
    """Events as boto3 parses them."""
    if isinstance(value, dict):
        return {
            key: datetime.fromtimestamp(each, UTC) if key.endswith("Timestamp") else moments(each)
            for key, each in value.items()
        }
    return [moments(each) for each in value] if isinstance(value, list) else value


def local():
    return DurableTestRunner(order).start("event")


def answers_start(service: Stubber) -> None:
    service.add_response(
        "invoke",
        {"StatusCode": 202, "DurableExecutionArn": ARN},
        {"FunctionName": "order:1", "InvocationType": "Event", "DurableExecutionName": "one", "Payload": b'"event"'},
    )


def answers_history(service: Stubber, *pages: list[dict[str, Any]]) -> None:
    for number, events in enumerate(pages):
        request: dict[str, Any] = {"DurableExecutionArn": ARN, "IncludeExecutionData": True}
        request |= {"Marker": f"page-{number}"} if number else {}
        more = {"NextMarker": f"page-{number + 1}"} if number + 1 < len(pages) else {}
        service.add_response("get_durable_execution_history", {"Events": moments(events), **more}, request)


def test_a_run_goes_on_until_a_callback_is_waited_for_and_then_to_its_end(service, runner) -> None:
    here = local()
    blocked = here.history_json()["Events"]
    callback_id = here.operation("approval").callback_id
    here.send_callback_success("approval", "yes")
    ended = here.run().history_json()["Events"]
    answers_start(service)
    answers_history(service, blocked[:1])
    answers_history(service, blocked[:2], blocked[2:])

    run = runner.run("event", execution_name="one")
    assert run.status == "RUNNING"
    assert run.waiting_for == ["callback 'approval': run.send_callback_success('approval', value), then run.run()"]

    service.add_response("send_durable_execution_callback_success", {}, {"CallbackId": callback_id, "Result": b'"yes"'})
    run.send_callback_success("approval", "yes")
    answers_history(service, ended[:-2])
    answers_history(service, ended)

    assert run.run().result == "yes"
    assert run.invocations == 2
    assert run.operation("first").result == 1
    assert "✓ approval" in run.tree()
    assert_shape(run, here.shape())


def test_a_failure_is_told_as_here(service, runner) -> None:
    here = local()
    callback_id = here.operation("approval").callback_id
    blocked = here.history_json()["Events"]
    here.send_callback_failure("approval", "declined")
    answers_start(service)
    answers_history(service, blocked)
    run = runner.run("event", execution_name="one")
    service.add_response(
        "send_durable_execution_callback_failure",
        {},
        {"CallbackId": callback_id, "Error": {"ErrorMessage": "declined"}},
    )
    run.send_callback_failure("approval", "declined")
    answers_history(service, here.run().history_json()["Events"])

    assert run.run().status == "FAILED"
    assert run.error == here.error
    with pytest.raises(ExecutionFailedError, match="declined"):
        _ = run.result


def test_a_run_that_does_not_end_in_time_is_told_with_its_tree(service) -> None:
    runner = CloudTestRunner("order:1", client=service.client, poll=1, timeout=0.5)
    answers_start(service)
    answers_history(service, local().history_json()["Events"][:3])

    with pytest.raises(TimeoutError, match=r"(?s)has not ended, and waits for no callback, after 0.5 s.*first"):
        runner.run("event", execution_name="one")


def test_a_run_is_stopped(service, runner) -> None:
    here = local()
    answers_start(service)
    answers_history(service, here.history_json()["Events"])
    run = runner.run("event", execution_name="one")
    here.stop("enough")
    service.add_response(
        "stop_durable_execution",
        {"StopTimestamp": datetime.now(UTC)},
        {"DurableExecutionArn": ARN, "Error": {"ErrorMessage": "enough"}},
    )
    answers_history(service, here.history_json()["Events"])
    run.stop("enough")

    assert run.status == "STOPPED"


def test_time_is_real(service, runner) -> None:
    answers_start(service)
    answers_history(service, local().history_json()["Events"])
    run = runner.run("event", execution_name="one")

    with pytest.raises(ValidationError, match="the time of a deployed function cannot be moved"):
        run.advance(60)


def test_a_function_that_is_not_durable_is_told(service, runner) -> None:
    service.add_response(
        "invoke",
        {"StatusCode": 202},
        {"FunctionName": "order:1", "InvocationType": "Event", "DurableExecutionName": ANY, "Payload": b"null"},
    )
    with pytest.raises(BackendError, match="order:1 is no durable function"):
        runner.run()


async def test_a_cloud_run_can_be_awaited(service, runner) -> None:
    answers_start(service)
    answers_history(service, local().history_json()["Events"])

    assert (await runner.arun("event", execution_name="one")).status == "RUNNING"

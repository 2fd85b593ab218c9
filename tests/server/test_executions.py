"""boto3 starts executions, looks at them, and stops, pauses, resumes and deletes them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.operations import ErrorObject
from scripted import Blocked, Invocation, Mail, Script


async def answers(run: Invocation):
    """Answers with what it was given."""
    return {"got": run.input}


async def waits_an_hour(run: Invocation):
    await run.wait("w", 3600)
    return "rested"


def test_a_function_is_run_to_its_end_and_its_result_is_the_payload(engine, client):
    engine.register(Script(answers))
    answer = client.invoke(FunctionName="orders:$LATEST", Payload=b'{"id": 42}', DurableExecutionName="order-42")
    assert answer["StatusCode"] == 200
    assert json.loads(answer["Payload"].read()) == {"got": {"id": 42}}
    assert answer["ExecutedVersion"] == "$LATEST"
    assert engine.execution(answer["DurableExecutionArn"]).name == "order-42"


def test_a_failed_execution_is_a_function_error(engine, client):
    async def body(run: Invocation):
        return InvocationOutput("FAILED", error=ErrorObject("app.Declined", "too dear", None, ["line 1"]))

    engine.register(Script(body))
    answer = client.invoke(FunctionName="orders", Qualifier="$LATEST")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read()) == {
        "errorType": "app.Declined",
        "errorMessage": "too dear",
        "stackTrace": ["line 1"],
    }


def test_an_event_is_accepted_at_once_and_runs_afterwards(engine, client):
    engine.register(Script(answers))
    answer = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event", Payload=b"[1]")
    assert answer["StatusCode"] == 202
    assert engine.execution(answer["DurableExecutionArn"]).result(10) == {"got": [1]}


def test_a_dry_run_runs_nothing(engine, client):
    script = Script(answers)
    engine.register(script)
    assert client.invoke(FunctionName="orders:$LATEST", InvocationType="DryRun")["StatusCode"] == 204
    assert engine.executions() == []


@pytest.mark.parametrize(
    "name",
    [
        "orders:live",
        "000000000000:function:orders:$LATEST",
        "arn:aws:lambda:us-east-1:000000000000:function:orders:7",
    ],
)
def test_a_function_is_found_by_every_form_of_its_name(engine, client, name):
    engine.register(Script(answers))
    answer = client.invoke(FunctionName=name, Payload=b"1")
    assert json.loads(answer["Payload"].read()) == {"got": 1}


def test_a_function_that_is_not_durable_is_called(engine, client):
    engine.register(lambda event, context: {"twice": 2 * event["n"]}, "double")
    answer = client.invoke(FunctionName="double", Payload=b'{"n": 21}')
    assert json.loads(answer["Payload"].read()) == {"twice": 42}
    assert "DurableExecutionArn" not in answer


def test_the_same_name_and_payload_attach_to_the_same_execution(engine, client):
    script = Script(answers)
    engine.register(script)
    first = client.invoke(FunctionName="orders:$LATEST", Payload=b'{"id": 1}', DurableExecutionName="once")
    again = client.invoke(FunctionName="orders:$LATEST", Payload=b'{"id": 1}', DurableExecutionName="once")
    assert first["DurableExecutionArn"] == again["DurableExecutionArn"]
    assert again["Payload"].read() == first["Payload"].read()
    assert script.invocations == 1


def test_the_same_name_with_another_payload_is_a_conflict(engine, client):
    engine.register(Script(answers))
    client.invoke(FunctionName="orders:$LATEST", Payload=b'{"id": 1}', DurableExecutionName="once")
    with pytest.raises(client.exceptions.DurableExecutionAlreadyStartedException, match="once"):
        client.invoke(FunctionName="orders:$LATEST", Payload=b'{"id": 2}', DurableExecutionName="once")


def test_an_unknown_function_an_unknown_execution_and_a_payload_that_is_no_json_are_told_apart(engine, client):
    engine.register(Script(answers))
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        client.invoke(FunctionName="nobody:$LATEST")
    with pytest.raises(client.exceptions.InvalidRequestContentException, match="Could not parse"):
        client.invoke(FunctionName="orders:$LATEST", Payload=b"{")
    unknown = "arn:aws:lambda:us-east-1:000000000000:function:orders:$LATEST/durable-execution/a/b"
    for call in (client.get_durable_execution, client.get_durable_execution_history, client.stop_durable_execution):
        with pytest.raises(client.exceptions.ResourceNotFoundException, match="Durable Execution does not exist"):
            call(DurableExecutionArn=unknown)


def test_an_arn_is_not_taken_for_that_of_another_function(engine, client):
    engine.register(Script(answers))
    arn = client.invoke(FunctionName="orders:$LATEST")["DurableExecutionArn"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_durable_execution(DurableExecutionArn=arn.replace(":orders:", ":others:"))


def test_an_execution_is_told_with_its_data_or_without(engine, client):
    engine.register(Script(answers), execution_timeout=60)
    arn = client.invoke(FunctionName="orders:$LATEST", Payload=b'{"id": 1}')["DurableExecutionArn"]
    told = client.get_durable_execution(DurableExecutionArn=arn)
    assert (told["Status"], told["InputPayload"], told["Result"]) == ("SUCCEEDED", '{"id": 1}', '{"got":{"id":1}}')
    assert told["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14}
    assert told["StartTimestamp"] == told["EndTimestamp"] == datetime(2025, 1, 1, tzinfo=UTC)
    bare = client.get_durable_execution(DurableExecutionArn=arn, IncludeExecutionData=False)
    assert bare["ExecutionDataIncluded"] is False
    assert not {"InputPayload", "Result"} & bare.keys()


def test_a_history_comes_in_pages_either_way_and_without_payloads_if_asked(engine, client):
    async def five_steps(run: Invocation):
        for number in range(5):
            await run.step(f"s{number}", lambda: "secret")
        return "done"

    engine.register(Script(five_steps))
    arn = client.invoke(FunctionName="orders:$LATEST")["DurableExecutionArn"]
    pages = client.get_paginator("get_durable_execution_history")
    forth = [e for page in pages.paginate(DurableExecutionArn=arn, MaxItems=4) for e in page["Events"]]
    back = [
        e for page in pages.paginate(DurableExecutionArn=arn, MaxItems=3, ReverseOrder=True) for e in page["Events"]
    ]
    assert [event["EventId"] for event in forth] == list(range(1, 14))
    assert back == forth[::-1]
    assert forth[2]["StepSucceededDetails"]["Result"] == {"Payload": '"secret"', "Truncated": False}
    bare = client.get_durable_execution_history(DurableExecutionArn=arn, IncludeExecutionData=False)
    assert bare["Events"][2]["StepSucceededDetails"]["Result"] == {"Truncated": True}


def test_a_page_of_a_history_has_no_more_than_four_mebibytes(engine, client):
    async def large(run: Invocation):
        for number in range(6):
            await run.step(f"s{number}", lambda: "x" * 1_000_000)
        return "done"

    engine.register(Script(large))
    arn = client.invoke(FunctionName="orders:$LATEST")["DurableExecutionArn"]
    pages = list(client.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=arn))
    assert len(pages) == 2
    events = [event["EventId"] for page in pages for event in page["Events"]]
    assert events == list(range(1, 16))


def test_executions_are_listed_in_pages_by_name_status_and_time(engine, client, clock):
    engine.register(Script(answers))
    engine.register(Script(waits_an_hour, "slow"))
    for number in range(5):
        client.invoke(FunctionName="orders:$LATEST", DurableExecutionName=f"o{number}")
        clock.advance(60)
    client.invoke(FunctionName="slow:$LATEST", InvocationType="Event", DurableExecutionName="s")

    def names(**criteria):
        pages = client.get_paginator("list_durable_executions_by_function").paginate(MaxItems=2, **criteria)
        return [each["DurableExecutionName"] for page in pages for each in page["DurableExecutions"]]

    assert names(FunctionName="orders") == ["o4", "o3", "o2", "o1", "o0"]
    assert names(FunctionName="orders", ReverseOrder=True) == ["o0", "o1", "o2", "o3", "o4"]
    assert names(FunctionName="orders", DurableExecutionName="o2") == ["o2"]
    assert names(FunctionName="orders", Statuses=["RUNNING", "FAILED"]) == []
    assert names(FunctionName="slow", Statuses=["RUNNING", "FAILED"]) == ["s"]
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    between = {"StartedAfter": begin, "StartedBefore": begin.replace(minute=3)}
    assert names(FunctionName="orders", **between) == ["o2", "o1"]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        names(FunctionName="nobody")


def test_a_marker_that_was_not_given_is_refused(engine, client):
    engine.register(Script(answers))
    arn = client.invoke(FunctionName="orders:$LATEST")["DurableExecutionArn"]
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid Marker"):
        client.get_durable_execution_history(DurableExecutionArn=arn, Marker="x")
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid Marker"):
        client.list_durable_executions_by_function(FunctionName="orders", Marker="-1")


def test_a_stop_ends_an_execution_and_a_second_one_changes_nothing(engine, client, clock):
    engine.register(Script(waits_an_hour))
    arn = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event")["DurableExecutionArn"]
    reason = {"ErrorType": "Operator", "ErrorMessage": "a mistake"}
    stopped = client.stop_durable_execution(DurableExecutionArn=arn, Error=reason)["StopTimestamp"]
    clock.advance(10)
    assert client.stop_durable_execution(DurableExecutionArn=arn)["StopTimestamp"] == stopped
    told = client.get_durable_execution(DurableExecutionArn=arn)
    assert (told["Status"], told["Error"]) == ("STOPPED", reason)


def test_a_paused_execution_waits_on_and_is_invoked_when_it_is_resumed(engine, client, clock):
    script = Script(waits_an_hour)
    engine.register(script, execution_timeout=7200)
    arn = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event")["DurableExecutionArn"]
    settle(engine, arn, "WaitStarted")
    client.pause_durable_execution(DurableExecutionArn=arn, Reason="maintenance")
    told = client.get_durable_execution(DurableExecutionArn=arn)
    assert told["Status"] == "PAUSED"
    assert told["PauseDetails"]["Reason"] == "maintenance"
    listed = client.list_durable_executions_by_function(FunctionName="orders", Statuses=["PAUSED"])
    assert [each["DurableExecutionArn"] for each in listed["DurableExecutions"]] == [arn]
    clock.advance(10_000)  # over the wait, and over the time-out, which stands still
    settle(engine, arn, "WaitSucceeded")
    assert script.invocations == 1
    client.resume_durable_execution(DurableExecutionArn=arn)
    assert engine.execution(arn).result(10) == "rested"
    types = [event["EventType"] for event in client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]]
    assert types == [
        "ExecutionStarted",
        "WaitStarted",
        "InvocationCompleted",
        "ExecutionPaused",
        "WaitSucceeded",
        "ExecutionResumed",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]


def test_a_pause_lets_an_invocation_to_its_next_checkpoint_and_no_further(engine, client):
    begun, go_on, tokens = Mail(), Mail(), []

    async def body(run: Invocation):
        if "a" not in run.operations:
            begun.put()
            await asyncio.to_thread(go_on.get)
        await run.step("a", lambda: 1)
        tokens.append(run.token)
        if run.token is None:
            raise Blocked
        return "went on"

    engine.register(Script(body))
    arn = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event")["DurableExecutionArn"]
    begun.get()
    client.pause_durable_execution(DurableExecutionArn=arn)
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "PAUSING"
    go_on.put()
    settle(engine, arn, "InvocationCompleted")
    assert client.get_durable_execution(DurableExecutionArn=arn)["Status"] == "PAUSED"
    client.resume_durable_execution(DurableExecutionArn=arn)
    assert engine.execution(arn).result(10) == "went on"
    assert tokens[0] is None


def test_the_same_client_token_is_the_same_pause(engine, client):
    engine.register(Script(waits_an_hour))
    arn = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event")["DurableExecutionArn"]
    for _ in range(2):
        client.pause_durable_execution(DurableExecutionArn=arn, ClientToken="one")
    with pytest.raises(client.exceptions.ResourceConflictException, match="PAUSED"):
        client.pause_durable_execution(DurableExecutionArn=arn, ClientToken="two")
    client.stop_durable_execution(DurableExecutionArn=arn)
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.resume_durable_execution(DurableExecutionArn=arn)


def test_an_execution_is_deleted_when_it_has_ended_and_its_name_is_free_then(engine, client):
    engine.register(Script(waits_an_hour))
    arn = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event", DurableExecutionName="n")[
        "DurableExecutionArn"
    ]
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.delete_durable_execution(DurableExecutionArn=arn)
    client.stop_durable_execution(DurableExecutionArn=arn)
    client.delete_durable_execution(DurableExecutionArn=arn)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_durable_execution(DurableExecutionArn=arn)
    again = client.invoke(FunctionName="orders:$LATEST", InvocationType="Event", DurableExecutionName="n", Payload=b"1")
    assert again["DurableExecutionArn"] != arn


def test_what_is_out_of_bounds_is_told_in_the_words_of_the_service(engine, client):
    with pytest.raises(ClientError, match="1 validation error detected: Value 'no arn' at 'durableExecutionArn'"):
        client.get_durable_execution(DurableExecutionArn="no arn")


def settle(engine, arn, event_type):
    """Until the history has an event."""
    execution, seen = engine.execution(arn), Mail()

    def look():
        seen.put()

    end = execution.watch(look)
    try:
        while event_type not in [event.event_type for event in execution.history()]:
            seen.get()
            seen._event.clear()
    finally:
        end()

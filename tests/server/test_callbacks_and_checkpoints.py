"""boto3 as the function's side: checkpoints, state, and answers to callbacks; and what is refused."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from urllib.parse import quote

import pytest

from scripted import Invocation, Mail, Script


class Elsewhere(Script):
    """A function that hands its event out, and answers when it is told to."""

    def __init__(self):
        self.events_given = Mail()
        self.answer = Mail()

        async def body(run: Invocation):
            self.events_given.put(run.event)
            return await asyncio.to_thread(self.answer.get)

        super().__init__(body)


@pytest.fixture
def function(engine, client):
    """A function under way: its ARN and token."""
    elsewhere = Elsewhere()
    engine.register(elsewhere)
    client.invoke(FunctionName="orders:$LATEST", InvocationType="Event", Payload=b'{"id": 1}')
    yield elsewhere.events_given.get()
    elsewhere.answer.put("done")


def test_a_checkpoint_gives_the_next_token_and_every_operation_that_changed(client, function):
    arn = function.durable_execution_arn
    answer = client.checkpoint_durable_execution(
        DurableExecutionArn=arn,
        CheckpointToken=function.checkpoint_token,
        Updates=[
            {"Id": "s", "Type": "STEP", "Action": "START", "Name": "charge", "SubType": "Step"},
            {"Id": "s", "Type": "STEP", "Action": "SUCCEED", "Payload": "1"},
            {"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 60}},
            {"Id": "r", "Type": "STEP", "Action": "RETRY", "StepOptions": {"NextAttemptDelaySeconds": 5}},
        ],
    )
    step, wait, retry = answer["NewExecutionState"]["Operations"]
    assert (step["Status"], step["StepDetails"]) == ("SUCCEEDED", {"Attempt": 1, "Result": "1"})
    assert (wait["WaitDetails"]["ScheduledEndTimestamp"] - wait["StartTimestamp"]).total_seconds() == 60
    assert (retry["StepDetails"]["NextAttemptTimestamp"] - retry["StartTimestamp"]).total_seconds() == 5
    assert answer["CheckpointToken"] != function.checkpoint_token


def test_a_checkpoint_sent_twice_is_stored_once_and_another_use_of_its_token_is_refused(client, function):
    arn = function.durable_execution_arn
    request = {
        "DurableExecutionArn": arn,
        "CheckpointToken": function.checkpoint_token,
        "ClientToken": "one",
        "Updates": [{"Id": "s", "Type": "STEP", "Action": "START"}],
    }
    first = client.checkpoint_durable_execution(**request)
    again = client.checkpoint_durable_execution(**request)
    assert first["CheckpointToken"] == again["CheckpointToken"]
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=r": Invalid checkpoint token$"):
        client.checkpoint_durable_execution(**{**request, "ClientToken": "two"})


def test_a_token_is_good_for_its_own_execution_only(engine, client, function):
    second = Elsewhere()
    engine.register(second, "others")
    client.invoke(FunctionName="others:$LATEST", InvocationType="Event")
    other = second.events_given.get()
    second.answer.put("done")
    message = "Checkpoint token is not valid for the durable execution ARN"
    with pytest.raises(client.exceptions.InvalidParameterValueException, match=message):
        client.checkpoint_durable_execution(
            DurableExecutionArn=function.durable_execution_arn, CheckpointToken=other.checkpoint_token
        )


def test_an_unknown_execution_is_an_invalid_token_to_a_checkpoint(client, function):
    arn = function.durable_execution_arn[:-1] + "x"
    with pytest.raises(client.exceptions.InvalidParameterValueException, match="Invalid checkpoint token"):
        client.checkpoint_durable_execution(DurableExecutionArn=arn, CheckpointToken=function.checkpoint_token)


def test_state_comes_in_pages(client, function):
    arn, token = function.durable_execution_arn, function.checkpoint_token
    updates = [{"Id": f"s{number}", "Type": "STEP", "Action": "START"} for number in range(7)]
    token = client.checkpoint_durable_execution(DurableExecutionArn=arn, CheckpointToken=token, Updates=updates)[
        "CheckpointToken"
    ]
    pages = client.get_paginator("get_durable_execution_state")
    state = [
        operation
        for page in pages.paginate(DurableExecutionArn=arn, CheckpointToken=token, MaxItems=3)
        for operation in page["Operations"]
    ]
    assert [operation["Id"] for operation in state][1:] == [f"s{number}" for number in range(7)]
    assert state[0]["ExecutionDetails"] == {"InputPayload": '{"id": 1}'}


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        ([{"Id": "s", "Type": "STEP", "Action": "CANCEL"}], "Invalid action for the given operation type"),
        ([{"Id": "w", "Type": "WAIT", "Action": "START"}], "requires WaitOptions"),
        (
            [{"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 0}}],
            "greater than or equal to 1",
        ),
        ([{"Id": "s", "Type": "STEP", "Action": "START", "ParentId": "x"}], "Invalid parent operation id"),
        ([{"Id": "s s", "Type": "STEP", "Action": "START"}], "1 validation error detected"),
        ([{"Id": "s", "Type": "NAP", "Action": "START"}], "1 validation error detected"),
        ([{"Id": "s", "Type": "STEP"}], "1 validation error detected"),
    ],
)
def test_what_the_service_refuses_is_refused_and_nothing_of_it_is_stored(server, client, function, updates, message):
    status, error = post(
        f"{server.url}/2025-12-01/durable-executions/{quote(function.durable_execution_arn, safe='')}/checkpoint",
        {"CheckpointToken": function.checkpoint_token, "Updates": updates},
    )
    assert status == 400
    assert message in error["message"]
    history = client.get_durable_execution_history(DurableExecutionArn=function.durable_execution_arn)
    assert len(history["Events"]) == 1


def post(url, document):
    """What boto3 would not send."""
    request = urllib.request.Request(url, json.dumps(document).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def open_callback(client, function, **options):
    answer = client.checkpoint_durable_execution(
        DurableExecutionArn=function.durable_execution_arn,
        CheckpointToken=function.checkpoint_token,
        Updates=[{"Id": "cb", "Type": "CALLBACK", "Action": "START", "CallbackOptions": options}],
    )
    return answer["NewExecutionState"]["Operations"][0]["CallbackDetails"]["CallbackId"]


def test_a_callback_is_answered_once(client, function):
    callback_id = open_callback(client, function)
    client.send_durable_execution_callback_success(CallbackId=callback_id, Result=b'{"ok": true}')
    with pytest.raises(client.exceptions.CallbackTimeoutException, match="either timed out or already completed"):
        client.send_durable_execution_callback_failure(CallbackId=callback_id, Error={"ErrorMessage": "late"})
    events = client.get_durable_execution_history(DurableExecutionArn=function.durable_execution_arn)["Events"]
    assert events[-1]["CallbackSucceededDetails"]["Result"]["Payload"] == '{"ok": true}'


def test_a_callback_fails_with_the_error_that_is_sent(client, function):
    callback_id = open_callback(client, function)
    error = {"ErrorType": "Declined", "ErrorMessage": "no", "ErrorData": "1", "StackTrace": ["a"]}
    client.send_durable_execution_callback_failure(CallbackId=callback_id, Error=error)
    events = client.get_durable_execution_history(DurableExecutionArn=function.durable_execution_arn)["Events"]
    assert events[-1]["CallbackFailedDetails"]["Error"]["Payload"] == error


def test_a_heartbeat_keeps_a_callback_open(client, function, clock):
    callback_id = open_callback(client, function, HeartbeatTimeoutSeconds=10)
    clock.advance(9)
    client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)
    clock.advance(9)
    client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)
    clock.advance(11)
    with pytest.raises(client.exceptions.CallbackTimeoutException):
        client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)


def test_an_unknown_callback_is_not_found(client, function):
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Invalid callback id"):
        client.send_durable_execution_callback_success(CallbackId="AAAA")


def test_an_answer_of_one_mebibyte_is_taken_and_more_is_not(client, function):
    callback_id = open_callback(client, function)
    with pytest.raises(client.exceptions.ClientError, match="smaller than 1048576"):
        client.send_durable_execution_callback_success(CallbackId=callback_id, Result=b"x" * (1024 * 1024 + 1))
    client.send_durable_execution_callback_success(CallbackId=callback_id, Result=json.dumps("x" * 1_048_574).encode())

"""CHAINED_INVOKE by the service's rules: what may be asked for, what it starts, what its target's end means."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from durable_lambda.engine.machine import records
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.machine.log import decode_entries
from durable_lambda.engine.machine.targets import Targets
from durable_lambda.protocol.errors import InvalidParameterValueException
from durable_lambda.protocol.events import EventPayload
from durable_lambda.protocol.operations import ErrorObject
from durable_lambda.protocol.updates import OperationUpdate
from service import EXECUTION_ID, Service, start_context, start_invoke, succeed_context
from wire import assert_matches

HERE = "arn:aws:lambda:us-east-1:000000000000:function:"


@dataclass(frozen=True)
class Target:
    execution_timeout: int = 60


def hosting(*, limits: Limits | None = None, is_strict: bool = False) -> Service:
    """An execution under way, beside a durable function `payments` and a plain one, `rates`."""
    service = Service(limits=limits, targets=Targets({"payments": Target()}, {"rates"}, is_strict))
    service.invoke()
    return service


@pytest.fixture
def service() -> Service:
    return hosting()


def test_a_durable_target_gets_an_execution_of_its_own(service):
    answer = service.checkpoint(start_invoke(payload='{"a":1}', name="charge", sub_type="ChainedInvoke", tenant_id="t"))
    operation = answer.new_execution_state.operations[0]
    assert (operation.id, operation.status, operation.name) == ("i", "STARTED", "charge")
    child = service.children["i"]
    assert (child.function, child.payload, child.execution_timeout) == ("payments", '{"a":1}', 60)
    assert child.origin == records.Origin(EXECUTION_ID, "i", "t")
    assert child.name == child.id != EXECUTION_ID
    details = service.history()[-1].details
    assert details.function_name == "payments"
    assert details.tenant_id == "t"
    assert details.input.payload == '{"a":1}'
    assert details.executed_version == "$LATEST"
    assert details.durable_execution_arn == f"{HERE}payments:$LATEST/durable-execution/{child.id}/{child.id}"
    service.check_wire()


def test_a_plain_target_starts_no_execution_and_has_to_be_called(service):
    service.checkpoint(start_invoke(function="rates:live"))
    assert service.children == {}
    assert list(service.state.uncalled) == ["i"]
    details = service.history()[-1].details
    assert details.durable_execution_arn is None
    assert details.input == EventPayload()
    service.answer_call("i", "5")
    assert service.operation("i").chained_invoke_details.result == "5"
    assert not service.state.uncalled
    service.check_wire()


@pytest.mark.parametrize(
    "name",
    [
        "payments",
        "payments:$LATEST",
        "payments:7",
        "payments:live",
        f"{HERE}payments",
        f"{HERE}payments:live",
        "000000000000:function:payments",
        "us-east-1:000000000000:function:payments:live",
        "function:payments",
    ],
)
def test_a_hosted_function_is_found_by_every_form_of_its_name(service, name):
    assert_matches("NamespacedFunctionName", name)
    service.checkpoint(start_invoke(function=name))
    assert service.children["i"].function == "payments"


def test_a_durable_target_without_a_qualifier_fails_at_once_where_the_services_rule_is_asked_for():
    service = hosting(is_strict=True)
    answer = service.checkpoint(start_invoke(), start_invoke("j", "payments:live"), start_invoke("k", "rates"))
    statuses = {operation.id: operation.status for operation in answer.new_execution_state.operations}
    assert statuses == {"i": "FAILED", "j": "STARTED", "k": "STARTED"}
    assert service.operation("i").chained_invoke_details.error == ErrorObject(
        "InvalidParameterValueException", "You cannot invoke a durable function using an unqualified ARN."
    )
    assert set(service.children) == {"j"}


@pytest.mark.parametrize("name", ["nobody", "nobody:live", f"{HERE}nobody:7"])
def test_an_unknown_function_fails_at_once(service, name):
    answer = service.checkpoint(start_invoke(function=name))
    assert [operation.status for operation in answer.new_execution_state.operations] == ["FAILED"]
    assert service.operation("i").chained_invoke_details.error == ErrorObject(
        "ResourceNotFoundException", f"Function not found: {HERE}nobody:$LATEST"
    )
    assert service.event_types()[-2:] == ["ChainedInvokeStarted", "ChainedInvokeFailed"]
    assert service.state.blocked == set()
    service.check_wire()


UPDATE = OperationUpdate("i", "CHAINED_INVOKE", "START")


@pytest.mark.parametrize(
    ("message", "update"),
    [
        ("Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.", UPDATE),
        ("Invalid action for the given operation type.", msgspec.structs.replace(UPDATE, action="SUCCEED")),
        ("Invalid action for the given operation type.", msgspec.structs.replace(UPDATE, action="CANCEL")),
        (
            "Cannot start a CHAINED_INVOKE on a function in another account.",
            start_invoke(function="arn:aws:lambda:us-east-1:123456789012:function:payments"),
        ),
        (
            "Cannot start a CHAINED_INVOKE on a function in another region.",
            start_invoke(function="arn:aws:lambda:eu-west-1:000000000000:function:payments"),
        ),
        (
            "CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.",
            start_invoke(payload='"' + 1_048_575 * "x" + '"'),
        ),
        ("1 validation error detected: Value 'no name' at", start_invoke(function="no name")),
        ("1 validation error detected: Value 'xxxx", start_invoke(function=257 * "x")),
    ],
)
def test_what_cannot_be_invoked_is_refused_and_nothing_is_started(service, message, update):
    entries = len(service.entries)
    with pytest.raises(InvalidParameterValueException) as refusal:
        service.checkpoint(start_context(), update)
    assert refusal.value.message.startswith(message)
    assert len(service.entries) == entries
    assert service.children == {}


def test_an_invoke_begins_once(service):
    service.checkpoint(start_invoke())
    with pytest.raises(InvalidParameterValueException, match="Cannot start a CHAINED_INVOKE that already exist"):
        service.checkpoint(start_invoke())
    with pytest.raises(InvalidParameterValueException, match="the same operation twice"):
        service.checkpoint(start_invoke("j"), start_invoke("j"))


def test_a_batch_over_a_quota_starts_no_child():
    service = hosting(limits=Limits(operations=1))
    service.checkpoint(start_invoke("i"), start_invoke("j"))
    assert service.state.status == "FAILED"
    assert service.children == {}


ERROR = ErrorObject("app.Declined", "no funds", '{"code":1}', ["line"])


@pytest.mark.parametrize(
    ("end", "fields", "status", "result", "error"),
    [
        (records.ExecutionSucceeded, {"result": '{"paid":1}'}, "SUCCEEDED", '{"paid":1}', None),
        (records.ExecutionSucceeded, {}, "SUCCEEDED", None, None),
        (records.ExecutionFailed, {"error": ERROR}, "FAILED", None, ERROR),
        (records.ExecutionStopped, {"error": ERROR}, "STOPPED", None, ERROR),
        (
            records.ExecutionTimedOut,
            {},
            "TIMED_OUT",
            None,
            ErrorObject("ChainedInvoke.Timeout", "CHAINED_INVOKE timed out after 60 seconds."),
        ),
    ],
)
def test_the_childs_end_completes_the_operation_and_wakes_the_execution(end, fields, status, result, error):
    service = hosting()
    service.checkpoint(start_invoke())
    service.answer("PENDING")
    assert service.state.resume_at is None
    service.now += 1000
    service.end_child("i", end, **fields)
    operation = service.operation("i")
    assert (operation.status, operation.end_timestamp) == (status, service.now)
    assert operation.chained_invoke_details.result == result
    assert operation.chained_invoke_details.error == error
    assert service.state.resume_at == service.now
    assert service.event_types()[-1] == f"ChainedInvoke{end.__name__.removeprefix('Execution')}"
    event = service.invoke()
    assert event.updated_operation_ids == ["i"]
    assert service.recovered().operations == service.state.operations
    service.check_wire()


def test_a_running_invocation_is_told_by_its_next_checkpoint(service):
    service.checkpoint(start_invoke())
    service.end_child("i", records.ExecutionSucceeded, result="1")
    answer = service.checkpoint()
    assert [operation.status for operation in answer.new_execution_state.operations] == ["SUCCEEDED"]


def test_only_the_first_outcome_counts_and_none_after_the_end(service):
    service.checkpoint(start_invoke("i"), start_invoke("j"))
    service.end_child("i", records.ExecutionSucceeded, result="1")
    service.end_child("i", records.ExecutionFailed, error=ERROR)
    assert service.operation("i").status == "SUCCEEDED"
    service.stop()
    service.end_child("j", records.ExecutionSucceeded, result="1")
    assert service.operation("j").status == "STARTED"
    assert service.event_types()[-1] == "ExecutionStopped"


def test_a_result_that_is_too_large_for_an_operation_is_a_failure(service):
    service.checkpoint(start_invoke("i"), start_invoke("j"))
    service.end_child("i", records.ExecutionSucceeded, result=1_048_576 * "1")
    service.end_child("j", records.ExecutionSucceeded, result=1_048_577 * "1")
    assert service.operation("i").status == "SUCCEEDED"
    assert service.operation("j").chained_invoke_details.error == ErrorObject(
        "InvalidParameterValueException",
        "CHAINED_INVOKE output payload size must be less than or equal to 1048576 bytes.",
    )


def test_input_and_outcome_count_towards_the_executions_data(service):
    before = service.state.data
    service.checkpoint(start_invoke(payload="12345"))
    service.end_child("i", records.ExecutionSucceeded, result="123")
    assert service.state.data == before + 8
    assert service.recovered().data == before + 8


def test_an_invoke_in_a_context_is_its_child_and_hidden_when_that_is_over(service):
    service.checkpoint(start_context(), start_invoke(parent_id="c"))
    assert service.operation("i").parent_id == "c"
    service.checkpoint(succeed_context())
    event = service.invoke()
    assert [operation.id for operation in event.initial_execution_state.operations] == [EXECUTION_ID, "c"]


def test_a_crash_knows_what_is_still_open(service):
    service.checkpoint(start_invoke("i"), start_invoke("j", "rates"), start_invoke("k", "rates"))
    service.answer_call("k", "1")
    del service.state.uncalled["j"]
    service.crash()
    assert list(service.state.uncalled) == ["j"]
    assert {key: invoke.child for key, invoke in service.state.invokes.items()} == {
        "i": service.children["i"].id,
        "j": None,
    }


def test_an_execution_from_before_there_were_invokes_is_read_as_before():
    old = msgspec.msgpack.encode([["ExecutionStarted", 5, EXECUTION_ID, "n", "orders", "1", 60]])
    assert decode_entries([old]) == [records.ExecutionStarted(5, EXECUTION_ID, "n", "orders", "1", 60)]

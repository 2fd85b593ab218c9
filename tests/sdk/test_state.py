"""State in pages, and results that are too large for one answer."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from drive import Execution
from durable_lambda import BackendError, DurableContext, durable_execution
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.backend import CheckpointResponse, ExecutionState
from durable_lambda.protocol.errors import InvalidParameterValueException, KMSException, ServiceError
from recording import ARN, RecordingBackend, invocation

MIB = 1024 * 1024


class PagedBackend(RecordingBackend):
    """Gives the pages it is told, by marker; a page that is an exception is raised."""

    def __init__(self, pages: dict[str, Any]) -> None:
        super().__init__()
        self.pages = pages
        self.asked: list[tuple[str, str, str, int]] = []

    async def get_execution_state(self, arn: str, checkpoint_token: str, marker: str, max_items: int) -> ExecutionState:
        self.asked.append((arn, checkpoint_token, marker, max_items))
        page = self.pages[marker]
        if isinstance(page, Exception):
            raise page
        return page


async def two_steps(event: Any, ctx: DurableContext) -> list[Any]:
    return [event, await ctx.step("one", lambda: 1), await ctx.step("two", lambda: 2)]


@pytest.fixture
def history() -> list[wire.Operation]:
    execution = Execution(two_steps)
    execution.result()
    return list(execution.backend.operations.values())


def paged(event: dict[str, Any], marker: str, *, keep: int) -> tuple[dict[str, Any], list[Any]]:
    """The event with only its first operations, and the rest of them."""
    state = event["InitialExecutionState"]
    rest = state["Operations"][keep:]
    return event | {"InitialExecutionState": {"Operations": state["Operations"][:keep], "NextMarker": marker}}, rest


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_all_pages_are_read_before_the_function_runs(history: list[wire.Operation], keep: int) -> None:
    event, rest = paged(invocation("order", history), "m1", keep=keep)
    backend = PagedBackend({"m1": ExecutionState(rest[:1], "m2"), "m2": ExecutionState(rest[1:], "")})
    envelope = durable_execution(backend=backend)(two_steps)(event, None)
    assert json.loads(envelope["Result"]) == ["order", 1, 2]
    assert backend.calls == []
    assert backend.asked == [(ARN, "token-0", "m1", 1000), (ARN, "token-0", "m2", 1000)]


def test_a_page_in_the_middle_may_be_empty(history: list[wire.Operation]) -> None:
    event, rest = paged(invocation("order", history), "m1", keep=0)
    backend = PagedBackend({"m1": ExecutionState([], "m2"), "m2": ExecutionState(rest)})
    envelope = durable_execution(backend=backend)(two_steps)(event, None)
    assert json.loads(envelope["Result"]) == ["order", 1, 2]


def test_a_state_without_any_operation_is_an_error_of_the_invocation() -> None:
    event, _ = paged(invocation("order"), "", keep=0)
    with pytest.raises(BackendError, match="no operation"):
        durable_execution(backend=RecordingBackend())(two_steps)(event, None)


@pytest.mark.parametrize(
    "error", [ServiceError("a fault"), InvalidParameterValueException("Invalid checkpoint token"), OSError("no route")]
)
def test_a_page_that_cannot_be_had_now_is_an_error_of_the_invocation(error: Exception) -> None:
    event, _ = paged(invocation("order"), "m1", keep=1)
    with pytest.raises(BackendError, match=str(error)):
        durable_execution(backend=PagedBackend({"m1": error}))(two_steps)(event, None)


def test_a_page_that_is_refused_fails_the_execution() -> None:
    event, _ = paged(invocation("order"), "m1", keep=1)
    envelope = durable_execution(backend=PagedBackend({"m1": KMSException("no key")}))(two_steps)(event, None)
    assert envelope["Status"] == "FAILED"
    assert envelope["Error"]["ErrorType"] == "durable_lambda.errors.CheckpointError"


def test_the_next_pages_of_a_checkpoint_answer_are_read_with_the_new_token() -> None:
    backend = PagedBackend({})

    def in_pages(_: Any, answer: CheckpointResponse) -> CheckpointResponse:
        changed = answer.new_execution_state.operations
        backend.pages = {"p1": ExecutionState([], "p2"), "p2": ExecutionState(changed)}
        return CheckpointResponse(answer.checkpoint_token, ExecutionState([], "p1"))

    backend.answer = in_pages

    async def create(event: Any, ctx: DurableContext) -> str:
        return (await ctx.create_callback("approval")).callback_id

    assert Execution(create, backend=backend).result() == "cb-1ced8f5b"
    assert backend.asked == [(ARN, "token-1", "p1", 1000), (ARN, "token-1", "p2", 1000)]


def test_an_unreadable_page_of_a_checkpoint_answer_is_an_error_of_the_invocation() -> None:
    backend = PagedBackend({"p1": ServiceError("a fault")})
    backend.answer = lambda _, answer: CheckpointResponse(answer.checkpoint_token, ExecutionState([], "p1"))
    with pytest.raises(BackendError, match="a fault"):
        Execution(two_steps, backend=backend).run()


# Large results


def returning(size: int, character: str = "x") -> Any:
    """A handler whose result is so many characters of JSON, quotes included."""

    async def handler(event: Any, ctx: DurableContext) -> str:
        return character * (size - 2)

    return handler


def test_a_result_that_just_fits_travels_in_the_answer() -> None:
    overhead = len(msgspec.json.encode({"Status": "SUCCEEDED", "Result": '""'})) - 2
    execution = Execution(returning(6 * MIB - 50 - overhead))
    execution.result()
    assert execution.calls == []


def test_a_result_that_does_not_fit_travels_in_a_checkpoint() -> None:
    execution = Execution(returning(6 * MIB - 50))
    envelope = durable_execution(backend=execution.backend)(execution.fn)(invocation(), None)
    assert envelope == {"Status": "SUCCEEDED", "Result": ""}
    [[update]] = execution.backend.calls
    assert (update.type, update.action, update.id) == ("EXECUTION", "SUCCEED", ARN.rsplit("/", 1)[-1])
    assert update.payload is not None
    assert len(update.payload) == 6 * MIB - 50


def test_the_second_encoding_of_an_answer_counts() -> None:
    """Every quote of the result is escaped once more in the envelope."""

    async def handler(event: Any, ctx: DurableContext) -> list[str]:
        return ["a"] * (4 * MIB // 4)

    backend = RecordingBackend()
    envelope = durable_execution(backend=backend)(handler)(invocation(), None)
    assert envelope == {"Status": "SUCCEEDED", "Result": ""}
    assert len(backend.updates) == 1


@pytest.mark.parametrize("character", ["x", "é"])
def test_a_result_over_the_limit_fails_clearly(character: str) -> None:
    execution = Execution(returning(6 * MIB + 1 if character == "x" else 4 * MIB, character))
    error = execution.error()
    assert error["ErrorType"] == "durable_lambda.errors.SerializationError"
    assert "the limit is 6291456" in error["ErrorMessage"]
    assert execution.calls == []


def test_a_refused_result_fails_the_execution() -> None:
    class Refusing(RecordingBackend):
        async def checkpoint(self, *args: Any, **options: Any) -> CheckpointResponse:
            raise InvalidParameterValueException("Execution output payload size must be less than or equal to N bytes.")

    error = Execution(returning(6 * MIB - 50), backend=Refusing()).error()
    assert error["ErrorType"] == "durable_lambda.errors.CheckpointError"
    assert "output payload size" in error["ErrorMessage"]


def test_a_result_that_cannot_be_sent_now_is_an_error_of_the_invocation() -> None:
    class Faulty(RecordingBackend):
        async def checkpoint(self, *args: Any, **options: Any) -> CheckpointResponse:
            raise ServiceError("a fault")

    with pytest.raises(BackendError, match="a fault"):
        Execution(returning(6 * MIB - 50), backend=Faulty()).run()


def test_a_terminal_update_is_answered_without_a_token() -> None:
    backend = RecordingBackend()
    backend.answer = lambda _, answer: CheckpointResponse(None, answer.new_execution_state)
    envelope = durable_execution(backend=backend)(returning(6 * MIB - 50))(invocation(), None)
    assert envelope == {"Status": "SUCCEEDED", "Result": ""}

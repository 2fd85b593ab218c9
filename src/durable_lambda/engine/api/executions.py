"""What operators ask of one execution: how it stands, its history, and to end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from durable_lambda.engine.api.call import Call, ClientToken
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.api.wire import arn_of, history_event, seconds
from durable_lambda.engine.host import Host
from durable_lambda.engine.machine.chained_invoke import EXECUTED_VERSION
from durable_lambda.engine.machine.identity import function_arn
from durable_lambda.engine.machine.log import history_of
from durable_lambda.engine.machine.pages import start_of
from durable_lambda.engine.machine.pause import PauseRequested
from durable_lambda.engine.machine.records import ExecutionEnded, ExecutionStarted, Record
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.engine.requests import delete_execution, pause_execution, resume_execution, stop_execution
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.protocol.errors import UNKNOWN_EXECUTION, ResourceNotFoundException
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.limits import DEFAULT_PAGE_SIZE, MAX_ERROR_OBJECT, MAX_REASON
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus

DAY_MS = 86_400_000
MAX_BODY = 64 * 1024

_Reason = Annotated[str, msgspec.Meta(max_length=MAX_REASON)]


class PauseBody(msgspec.Struct, rename="pascal"):
    client_token: ClientToken | None = None
    reason: _Reason | None = None
    execution_timeout_paused: bool = True


class ResumeBody(msgspec.Struct, rename="pascal"):
    client_token: ClientToken | None = None
    reason: _Reason | None = None


def find(host: Host, arn: str) -> ExecutionRow:
    """The execution of an ARN. Raises `ResourceNotFoundException`."""
    row = host.store.find(arn.rpartition("/")[2])
    if row is None or arn_of(row) != arn:
        raise ResourceNotFoundException(UNKNOWN_EXECUTION)
    return row


def status_of(host: Host, row: ExecutionRow) -> ExecutionStatus:
    """Its status now."""
    hosted = host.live.get(row.id)
    return hosted.state.status if hosted is not None else row.status


async def get(gateway: Gateway, call: Call) -> Reply:
    """How an execution stands."""
    arn, with_data = call.execution_arn(), call.flag("IncludeExecutionData", True)

    def read(host: Host) -> dict[str, Any]:
        row = find(host, arn)
        log = host.store.log(row.key)
        first, last = log[0], log[-1]
        assert isinstance(first, ExecutionStarted)
        wire: dict[str, Any] = {
            "DurableExecutionArn": arn,
            "DurableExecutionName": row.name,
            "FunctionArn": function_arn(row.function),
            "Version": EXECUTED_VERSION,
            "Status": status_of(host, row),
            "StartTimestamp": seconds(row.started_at),
            "ExecutionDataIncluded": with_data,
            "DurableConfig": {
                "ExecutionTimeout": first.execution_timeout,
                "RetentionPeriodInDays": max(1, row.retention // DAY_MS),
            },
        }
        if with_data and first.payload is not None:
            wire["InputPayload"] = first.payload
        if isinstance(last, ExecutionEnded):
            wire |= {"Status": last.status, "EndTimestamp": seconds(last.at)}
            wire |= _outcome(last) if with_data else {}
        elif (hosted := host.live.get(row.id)) is not None:
            wire |= _prospects(hosted.state)
        return wire

    return as_json(await gateway.ask(read))


def _prospects(state: ExecutionState) -> dict[str, Any]:
    wire: dict[str, Any] = {"ExpectedExecutionTimeoutTimestamp": seconds(state.deadline)}
    if state.pause is not None:
        details: dict[str, Any] = {
            "PauseRequestTimestamp": seconds(state.pause.at),
            "ExecutionTimeoutPaused": state.pause.is_timeout_paused,
        }
        if state.pause.reason is not None:
            details["Reason"] = state.pause.reason
        wire["PauseDetails"] = details
    return wire


def _outcome(end: ExecutionEnded) -> dict[str, Any]:
    if end.status == "SUCCEEDED":
        return {} if end.result is None else {"Result": end.result}
    return {} if end.error is None else {"Error": end.error}


async def get_history(gateway: Gateway, call: Call) -> Reply:
    """A page of events, the oldest first unless asked otherwise. A marker is the id of the event before the page."""
    arn, with_data = call.execution_arn(), call.flag("IncludeExecutionData", True)
    newest_first, size = call.flag("ReverseOrder", False), call.max_items() or DEFAULT_PAGE_SIZE
    marker = call.text("Marker")
    after = start_of(marker)

    def read(host: Host) -> list[Record]:
        return host.store.log(find(host, arn).key)

    events = history_of(await gateway.ask(read))
    if newest_first:
        events = [event for event in reversed(events) if not marker or event.event_id < after]
    else:
        events = events[after:]
    page = _page(events[:size], with_data, await gateway.peek(lambda host: host.limits.page_bytes))
    wire: dict[str, Any] = {"Events": page}
    if len(events) > len(page):
        wire["NextMarker"] = str(events[len(page) - 1].event_id)
    return as_json(wire)


def _page(events: Sequence[Event], with_data: bool, most_bytes: int) -> list[msgspec.Raw]:
    """So many of the events as a page may have bytes, but at least one."""
    page: list[msgspec.Raw] = []
    size = 0
    for event in events:
        encoded = msgspec.json.encode(history_event(event, with_data=with_data))
        size += len(encoded)
        if page and size > most_bytes:
            break
        page.append(msgspec.Raw(encoded))
    return page


async def stop(gateway: Gateway, call: Call) -> Reply:
    """End an execution. One that has ended stays as it is, and its end is told."""
    arn = call.execution_arn()
    error = await call.json(ErrorObject, 3 * MAX_ERROR_OBJECT)
    stopped_at = await gateway.ask(lambda host: stop_execution(host, find(host, arn).id, error))
    return as_json({"StopTimestamp": seconds(stopped_at)})


async def pause(gateway: Gateway, call: Call) -> Reply:
    """Keep an execution from being invoked."""
    arn, body = call.execution_arn(), await call.json(PauseBody, MAX_BODY)

    def act(host: Host) -> None:
        request = PauseRequested(host.clock.now(), body.reason, body.client_token, body.execution_timeout_paused)
        pause_execution(host, find(host, arn).id, request)

    await gateway.ask(act)
    return as_json({}, 202)


async def resume(gateway: Gateway, call: Call) -> Reply:
    """Let a paused execution go on."""
    arn, body = call.execution_arn(), await call.json(ResumeBody, MAX_BODY)
    await gateway.ask(lambda host: resume_execution(host, find(host, arn).id, body.reason, body.client_token))
    return as_json({}, 202)


async def delete(gateway: Gateway, call: Call) -> Reply:
    """Forget an execution that has ended."""
    arn = call.execution_arn()
    requested_at = await gateway.ask(lambda host: delete_execution(host, find(host, arn).id))
    return as_json({"DeletionRequestTimestamp": seconds(requested_at)}, 202)

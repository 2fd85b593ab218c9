"""`durable list`, `show`, `history`, `stop`: executions in a file, whether an engine is at work on it or not, and those
of the service."""

from __future__ import annotations

import shlex
import time
from typing import Any

import msgspec
from rich.console import Console

from durable_lambda.cli.live import can_draw, hint_text, paint
from durable_lambda.cli.output import print_json, print_lines, print_outcome
from durable_lambda.cli.summary import Summary, function_arn, summarize
from durable_lambda.cli.where import Client, SeenExecution, Where, client_of
from durable_lambda.drawing.many import MOST
from durable_lambda.drawing.tree import View, columns, lines, view
from durable_lambda.drawing.words import duration, error_text, moment
from durable_lambda.protocol.events import Event, event_to_wire
from durable_lambda.protocol.operations import ErrorObject, Operation

_MAX_LISTED = 1000
_MAX_DETAIL = 100


def list_command(where: Where, *, as_json: bool) -> None:
    """All executions, the newest first."""
    with client_of(where) as client:
        executions = client.list_executions(limit=_MAX_LISTED)
    if as_json:
        print_json({"DurableExecutions": [_listed(each) for each in executions]})
        return
    now = time.time()
    cells = [["NAME", "FUNCTION", "STATUS", "STARTED", "TOOK"]]
    for each in executions:
        took = duration((each.ended_at or now * 1000) / 1000 - each.started_at / 1000)
        cells.append([each.name, each.function, each.status.lower(), moment(each.started_at, now), took])
    print_lines(*columns(cells) if executions else [f"there are no executions {_place(where)}"])


def show_command(name_or_arn: str, where: Where, *, all_rows: bool, as_json: bool) -> None:
    """One execution: how it stands, its operations, its outcome. `all_rows`: whether many siblings are drawn, too."""
    with client_of(where) as client:
        execution = client.execution(name_or_arn)
        summary, operations = _summary(execution), execution.operations()
    if as_json:
        print_json({**summary.wire(), "Operations": [operation_to_wire(each) for each in operations]})
        return
    answer = "".join(f" {shlex.quote(word)}" for word in where.options())
    console = Console(highlight=False)
    most = MOST if can_draw(console) and not all_rows else None  # a pipe gets all, to be searched
    shown = view(operations, time.time(), answer=answer, most=most).standing(summary.status)
    _print_tree(console, shown)
    print_lines(*[hint_text(row) for row in shown.rows if row.hint])
    print_outcome(summary)


def history_command(name_or_arn: str, where: Where, *, as_json: bool) -> None:
    """Every event, as the service's GetDurableExecutionHistory tells it."""
    with client_of(where) as client:
        events = client.execution(name_or_arn).history()
    if as_json:
        print_json({"Events": [event_to_wire(event) for event in events]})
        return
    now = time.time()
    cells = [
        [
            str(event.event_id),
            moment(event.event_timestamp, now),
            event.event_type,
            event.name or "",
            details_text(event),
        ]
        for event in events
    ]
    print_lines(*columns(cells))


def stop_command(name_or_arn: str, where: Where, *, message: str | None, as_json: bool) -> None:
    """End an execution for good; one that has ended stays as it is."""
    with client_of(where) as client:
        client.stop(name_or_arn, ErrorObject(error_message=message or "stopped with `durable stop`"))
        _print_standing(client, name_or_arn, as_json=as_json)


def pause_command(name_or_arn: str, where: Where, *, reason: str | None, as_json: bool) -> None:
    """Keep an execution from being invoked, from its next checkpoint on."""
    with client_of(where, f"{name_or_arn}: ") as client:
        client.pause(name_or_arn, reason)
        _print_standing(client, name_or_arn, as_json=as_json)


def resume_command(name_or_arn: str, where: Where, *, reason: str | None, as_json: bool) -> None:
    """Let a paused execution go on."""
    with client_of(where, f"{name_or_arn}: ") as client:
        client.resume(name_or_arn, reason)
        _print_standing(client, name_or_arn, as_json=as_json)


def delete_command(name_or_arn: str, where: Where, *, as_json: bool) -> None:
    """Forget an execution that has ended."""
    with client_of(where, f"{name_or_arn}: ") as client:
        arn = client.execution(name_or_arn).arn
        client.delete(name_or_arn)
    if as_json:
        print_json({"DurableExecutionArn": arn, "Status": "DELETING"})
    else:
        print_lines(f"{name_or_arn}  deleted")


def _print_standing(client: Client, name_or_arn: str, *, as_json: bool) -> None:
    summary = _summary(client.execution(name_or_arn))
    if as_json:
        print_json(summary.wire())
    else:
        print_lines(f"{summary.name}  {summary.status.lower()}")


def operation_to_wire(operation: Operation) -> dict[str, Any]:
    """An operation in the service's names, its moments in epoch seconds as in all of its answers."""
    told: dict[str, Any] = msgspec.to_builtins(operation)
    _moments_in_seconds(told)
    for name, value in told.items():
        if name.endswith("Details"):
            _moments_in_seconds(value)
    return told


def details_text(event: Event) -> str:
    """What an event tells beside its name, on one line."""
    error = getattr(event.details, "error", None)
    payload = getattr(event.details, "result", None) or getattr(event.details, "input", None)
    parts = [
        error_text(error.payload) if error is not None else "",
        " ".join((payload.payload or "").split()) if payload is not None else "",
    ]
    for label in ("callback_id", "duration"):
        value = getattr(event.details, label, None)
        if value is not None:
            parts.append(str(value) if label == "callback_id" else duration(value))
    retry = getattr(event.details, "retry_details", None)
    if retry is not None and (retry.current_attempt > 1 or retry.next_attempt_delay_seconds):
        parts.append(f"attempt {retry.current_attempt}")
        if retry.next_attempt_delay_seconds:
            parts.append(f"again in {duration(retry.next_attempt_delay_seconds)}")
    text = "  ".join(part for part in parts if part)
    return text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"


def _summary(execution: SeenExecution) -> Summary:
    summary = summarize(execution.arn, execution.name, execution.function, execution.history())
    is_between = execution.status in ("PAUSING", "PAUSED", "DELETING")  # no event tells it
    return summary._replace(status=execution.status) if is_between else summary


def _place(where: Where) -> str:
    return f"of {where.function}" if where.is_service else f"in {where.db}"


def _listed(execution: SeenExecution) -> dict[str, Any]:
    """An item of the service's ListDurableExecutions."""
    told: dict[str, Any] = {
        "DurableExecutionArn": execution.arn,
        "DurableExecutionName": execution.name,
        "FunctionArn": function_arn(execution.arn),
        "Status": execution.status,
        "StartTimestamp": execution.started_at / 1000,
    }
    if execution.ended_at is not None:
        told["EndTimestamp"] = execution.ended_at / 1000
    return told


def _moments_in_seconds(record: dict[str, Any]) -> None:
    for key, value in record.items():
        if key.endswith("Timestamp") and isinstance(value, int):
            record[key] = value / 1000


def _print_tree(console: Console, shown: View) -> None:
    if can_draw(console):
        console.print(paint(shown))
    else:
        print_lines(shown.heading(), *lines(shown.rows))

"""`durable pause`, `resume`, `delete`: what the service alone does with an execution."""

from __future__ import annotations

from durable_lambda.cli.output import print_json, print_lines
from durable_lambda.cli.where import Where, service_of


def pause_command(name_or_arn: str, where: Where, *, reason: str | None, as_json: bool) -> None:
    """Let an execution make no further invocation until it is resumed."""
    with service_of(where) as client:
        client.pause(name_or_arn, reason)
    _told("pausing", name_or_arn, as_json=as_json)


def resume_command(name_or_arn: str, where: Where, *, reason: str | None, as_json: bool) -> None:
    """Let a paused execution go on."""
    with service_of(where) as client:
        client.resume(name_or_arn, reason)
    _told("resumed", name_or_arn, as_json=as_json)


def delete_command(name_or_arn: str, where: Where, *, as_json: bool) -> None:
    """Forget an execution that has ended."""
    with service_of(where) as client:
        client.delete(name_or_arn)
    _told("deleted", name_or_arn, as_json=as_json)


def _told(what: str, name_or_arn: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"Execution": name_or_arn})
    else:
        print_lines(f"{what}: {name_or_arn}")

"""`durable callback …`: the other side's answer, from whichever process it comes."""

from __future__ import annotations

import msgspec

from durable_lambda.cli.output import print_json, print_lines
from durable_lambda.cli.payload import read_payload
from durable_lambda.cli.where import Where, client_of
from durable_lambda.protocol.operations import ErrorObject


def success_command(callback_id: str, where: Where, *, result: str | None, as_json: bool) -> None:
    """Answer with a result; without one the function receives `None`."""
    value = None if result is None else msgspec.json.decode(read_payload("--result", result))
    with client_of(where, f"callback {callback_id}: ") as client:
        client.send_callback_success(callback_id, value)
    _told("answered", callback_id, as_json=as_json)


def failure_command(
    callback_id: str, where: Where, *, error_type: str | None, message: str | None, data: str | None, as_json: bool
) -> None:
    """Answer with an error."""
    if data is not None:
        data = read_payload("--data", data)
    with client_of(where, f"callback {callback_id}: ") as client:
        client.send_callback_failure(callback_id, ErrorObject(error_type, message, data))
    _told("answered with an error", callback_id, as_json=as_json)


def heartbeat_command(callback_id: str, where: Where, *, as_json: bool) -> None:
    """Start the heartbeat timeout anew."""
    with client_of(where, f"callback {callback_id}: ") as client:
        client.send_callback_heartbeat(callback_id)
    _told("heartbeat sent", callback_id, as_json=as_json)


def _told(what: str, callback_id: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"CallbackId": callback_id})
    else:
        print_lines(f"{what}: {callback_id}")

"""The three operations with which somebody outside answers a callback."""

from __future__ import annotations

import re
from typing import Final

from durable_lambda.engine.api.call import Call, malformed
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.machine.batch import refuse
from durable_lambda.engine.requests import CallbackAnswer, answer_callback
from durable_lambda.protocol.limits import MAX_ERROR_OBJECT, MAX_OPERATION_PAYLOAD
from durable_lambda.protocol.operations import ErrorObject

CALLBACK_ID: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
MAX_ERROR_BODY: Final = 3 * MAX_ERROR_OBJECT


async def succeed(gateway: Gateway, call: Call) -> Reply:
    """The body is the result, as it is."""
    callback_id = _callback_id(call)
    body = await call.body(MAX_OPERATION_PAYLOAD)
    try:
        payload = body.decode() if body else None
    except UnicodeDecodeError as error:
        raise refuse(f"the result of a callback must be UTF-8: {error}") from None
    return await _answer(gateway, CallbackAnswer(callback_id, is_success=True, payload=payload))


async def fail(gateway: Gateway, call: Call) -> Reply:
    """The body is an error."""
    callback_id = _callback_id(call)
    error = await call.json(ErrorObject, MAX_ERROR_BODY)
    return await _answer(gateway, CallbackAnswer(callback_id, error=error))


async def heartbeat(gateway: Gateway, call: Call) -> Reply:
    """The callback's heartbeat time-out begins anew."""
    return await _answer(gateway, CallbackAnswer(_callback_id(call)))


async def _answer(gateway: Gateway, answer: CallbackAnswer) -> Reply:
    await gateway.ask(lambda host: answer_callback(host, answer))
    return as_json({})


def _callback_id(call: Call) -> str:
    callback_id = call.path["CallbackId"]
    if not 1 <= len(callback_id) <= 1024 or CALLBACK_ID.fullmatch(callback_id) is None:
        raise malformed("callbackId", callback_id, f"satisfy regular expression pattern: {CALLBACK_ID.pattern}")
    return callback_id

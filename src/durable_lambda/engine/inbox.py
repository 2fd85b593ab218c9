"""Requests that other processes leave in the database, for the engine that owns it.

The engine notices them by `PRAGMA data_version`, which costs microseconds, about every 100 ms. The answer is stored in
the same transaction as what the request changed, so a crash between the two is not possible.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from durable_lambda.engine.errors import StoreError
from durable_lambda.engine.host import Host, logger
from durable_lambda.engine.machine.pause import PauseRequested
from durable_lambda.engine.requests import (
    CallbackAnswer,
    answer_callback,
    delete_execution,
    find_execution,
    pause_execution,
    resume_execution,
    stop_execution,
)
from durable_lambda.errors import DurableError
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.operations import ErrorObject

POLL_SECONDS = 0.1


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is asked for. `target`: a callback's id, or an execution's name or ARN."""

    kind: Literal["success", "failure", "heartbeat", "stop", "pause", "resume", "delete"]
    target: str
    payload: str | None = None
    error: ErrorObject | None = None
    reason: str | None = None


class Response(msgspec.Struct, frozen=True, omit_defaults=True):
    """An empty one means success."""

    code: str | None = None
    message: str | None = None


class Inbox:
    """Answers requests from its creation until `close`."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._version = -1
        self._handle: asyncio.TimerHandle | None = None
        self._poll()

    def close(self) -> None:
        """Leave what comes from now on to the next engine."""
        if self._handle is not None:
            self._handle.cancel()

    def _poll(self) -> None:
        host = self._host
        try:
            version = host.store.data_version()
            if version != self._version:
                for number, request in host.store.requests():
                    host.commit.respond(number, msgspec.json.encode(perform(host, request)))
                self._version = version
                host.commit.then(self._on_answered)
        except StoreError:
            logger.exception("the inbox cannot be read; trying again")
        self._handle = host.loop.call_later(POLL_SECONDS, self._poll, context=host.context)

    def _on_answered(self, error: StoreError | None) -> None:
        if error is not None:
            self._version = -1  # the requests are still there, and are looked at again


def perform(host: Host, encoded: bytes) -> Response:
    """Do what a request asks for."""
    try:
        request = msgspec.json.decode(encoded, type=Request)
        if request.kind in ("stop", "pause", "resume", "delete"):
            _manage(host, request, find_execution(host.store, request.target).id)
        else:
            error = (request.error or ErrorObject()) if request.kind == "failure" else None
            answer_callback(host, CallbackAnswer(request.target, request.kind == "success", request.payload, error))
    except (ServiceError, DurableError) as error:
        return Response(error.code, str(error))
    except msgspec.MsgspecError as error:
        return Response("VALIDATION", f"not a request: {error}")
    return Response()


def _manage(host: Host, request: Request, execution_id: str) -> None:
    match request.kind:
        case "stop":
            stop_execution(host, execution_id, request.error)
        case "pause":
            pause_execution(host, execution_id, PauseRequested(host.clock.now(), request.reason))
        case "resume":
            resume_execution(host, execution_id, request.reason, None)
        case _:
            delete_execution(host, execution_id)

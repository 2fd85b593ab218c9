"""Executions on AWS, or on any server of the same API, as the commands see those in a file."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import msgspec

from durable_lambda.cli.failure import FAILED, CommandError, refusal_exit_code
from durable_lambda.cli.rebuilt import operations_of
from durable_lambda.errors import DurableError
from durable_lambda.protocol.events import Event, event_from_wire
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus, Operation


class ServiceExecution:
    """A snapshot of who it is and how it stood; its history is read when asked for."""

    def __init__(self, client: Any, told: dict[str, Any]) -> None:
        self._client = client
        self.arn: str = told["DurableExecutionArn"]
        self.name: str = told["DurableExecutionName"]
        self.function: str = function_of(self.arn)
        self.status: ExecutionStatus = told["Status"]
        self.started_at = _milliseconds(told["StartTimestamp"])
        self.ended_at = _milliseconds(told["EndTimestamp"]) if "EndTimestamp" in told else None

    def history(self) -> Sequence[Event]:
        """Its events so far, the oldest first."""
        pages = self._client.get_paginator("get_durable_execution_history").paginate(
            DurableExecutionArn=self.arn, IncludeExecutionData=True
        )
        return [event_from_wire(_in_seconds(event)) for page in pages for event in page["Events"]]

    def operations(self) -> Sequence[Operation]:
        """Its operations as they stand."""
        return operations_of(self.history())


class ServiceClient:
    """What the commands ask of the service.

    Args:
        client: boto3's.
        function: the function whose executions a name means, with or without a qualifier.
    """

    def __init__(self, client: Any, function: str | None) -> None:
        self._client = client
        self._function = function

    def list_executions(self, *, limit: int) -> list[ServiceExecution]:
        """The executions of the function, the newest first."""
        if self._function is None:
            raise CommandError("--function is missing: the service lists the executions of one function")
        pages = self._client.get_paginator("list_durable_executions_by_function").paginate(
            FunctionName=self._function, PaginationConfig={"MaxItems": limit}
        )
        return [ServiceExecution(self._client, each) for page in pages for each in page.get("DurableExecutions", [])]

    def execution(self, name_or_arn: str) -> ServiceExecution:
        """The execution of a name or ARN, as it stands now."""
        told = self._client.get_durable_execution(
            DurableExecutionArn=self.arn_of(name_or_arn), IncludeExecutionData=False
        )
        return ServiceExecution(self._client, told)

    def arn_of(self, name_or_arn: str) -> str:
        """The ARN itself, or that of the function's execution of that name."""
        if name_or_arn.startswith("arn:"):
            return name_or_arn
        if self._function is None:
            raise CommandError(f"--function is missing: it tells whose execution {name_or_arn!r} is (or give its ARN)")
        found = self._client.list_durable_executions_by_function(
            FunctionName=self._function, DurableExecutionName=name_or_arn
        ).get("DurableExecutions", [])
        if not found:
            raise CommandError(f"{self._function} has no execution {name_or_arn!r}")
        return found[0]["DurableExecutionArn"]

    def invoke(self, payload: str, name: str | None) -> str:
        """Start an execution of the function, or find the one of that name and payload; gives its ARN."""
        options = {} if name is None else {"DurableExecutionName": name}
        answer = self._client.invoke(
            FunctionName=self._function, InvocationType="Event", Payload=payload.encode(), **options
        )
        arn = answer.get("DurableExecutionArn")
        if arn is None:
            raise CommandError(f"{self._function} was invoked, but is no durable function", FAILED)
        return arn

    def stop(self, name_or_arn: str, error: ErrorObject) -> None:
        self._client.stop_durable_execution(
            DurableExecutionArn=self.arn_of(name_or_arn), Error=msgspec.to_builtins(error)
        )

    def pause(self, name_or_arn: str, reason: str | None = None) -> None:
        options = {} if reason is None else {"Reason": reason}
        self._client.pause_durable_execution(DurableExecutionArn=self.arn_of(name_or_arn), **options)

    def resume(self, name_or_arn: str, reason: str | None = None) -> None:
        options = {} if reason is None else {"Reason": reason}
        self._client.resume_durable_execution(DurableExecutionArn=self.arn_of(name_or_arn), **options)

    def delete(self, name_or_arn: str) -> None:
        self._client.delete_durable_execution(DurableExecutionArn=self.arn_of(name_or_arn))

    def send_callback_success(self, callback_id: str, value: Any) -> None:
        self._client.send_durable_execution_callback_success(CallbackId=callback_id, Result=msgspec.json.encode(value))

    def send_callback_failure(self, callback_id: str, error: ErrorObject) -> None:
        self._client.send_durable_execution_callback_failure(CallbackId=callback_id, Error=msgspec.to_builtins(error))

    def send_callback_heartbeat(self, callback_id: str) -> None:
        self._client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)


def function_of(execution_arn: str) -> str:
    """The function's name and version, of an execution's ARN."""
    return execution_arn.partition(":function:")[2].partition("/durable-execution/")[0]


@contextmanager
def service_refusals(subject: str = "") -> Generator[None, None, None]:
    """Tell what boto3 or the service refuses as one line. `subject`: what an error of the service is about."""
    from botocore.exceptions import BotoCoreError, ClientError  # pyright: ignore[reportMissingTypeStubs]

    try:
        yield
    except ClientError as error:
        answer = cast("dict[str, Any]", error.response)
        told = answer.get("Error", {})
        code, message = told.get("Code", "UnknownError"), told.get("Message") or answer.get("message") or "no message"
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        exit_code = FAILED if code == "CallbackTimeoutException" else refusal_exit_code(status)
        raise CommandError(f"{subject}{code}: {message}", exit_code) from error
    except BotoCoreError as error:
        hint = {
            "NoCredentialsError": ": sign in (`aws sso login`), or choose a --profile",
            "EndpointConnectionError": ": is a server running there (`durable serve`)?" if _is_here(error) else "",
        }.get(type(error).__name__, "")
        raise CommandError(f"{subject}{str(error).rstrip('.')}{hint}") from error
    except DurableError as error:
        raise CommandError(str(error)) from error


def _is_here(error: Exception) -> bool:
    """Whether it tells of an endpoint on this machine."""
    return any(f"//{host}" in str(error) for host in ("127.0.0.1", "localhost", "[::1]"))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _in_seconds(value: Any) -> Any:
    """boto3's answer as the service sent it: moments as numbers."""
    if isinstance(value, dict):
        return {key: _in_seconds(each) for key, each in cast("dict[str, Any]", value).items()}
    return value.timestamp() if isinstance(value, datetime) else value

"""Where a command finds executions: in a file, or on AWS and whatever else speaks the API of Lambda."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from durable_lambda.cli.database import db_option, refusals
from durable_lambda.cli.failure import CommandError
from durable_lambda.cli.options import DEFAULT_DB
from durable_lambda.engine import FileClient
from durable_lambda.protocol.events import Event
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus, Operation

if TYPE_CHECKING:
    from durable_lambda.cli.service import ServiceClient


class Where(NamedTuple):
    """The options of a command that say it."""

    db: Path
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    function: str | None = None

    @property
    def is_service(self) -> bool:
        """Whether it is the service: any option that only the service has."""
        return any((self.endpoint_url, self.region, self.profile, self.function))

    def options(self) -> list[str]:
        """What a command that is shown to the user needs to find the same callbacks."""
        if not self.is_service:
            return db_option(self.db)
        named = (("--endpoint-url", self.endpoint_url), ("--region", self.region), ("--profile", self.profile))
        return [word for option, value in named if value for word in (option, value)]


class SeenExecution(Protocol):
    """An execution as it stood when it was asked for."""

    @property
    def arn(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def function(self) -> str: ...
    @property
    def status(self) -> ExecutionStatus: ...
    @property
    def started_at(self) -> int: ...
    @property
    def ended_at(self) -> int | None: ...

    def history(self) -> Sequence[Event]: ...
    def operations(self) -> Sequence[Operation]: ...


class Client(Protocol):
    """What a file and the service have in common."""

    def list_executions(self, *, limit: int) -> Sequence[SeenExecution]: ...
    def execution(self, name_or_arn: str) -> SeenExecution: ...
    def stop(self, name_or_arn: str, error: ErrorObject) -> None: ...
    def pause(self, name_or_arn: str, reason: str | None = None) -> None: ...
    def resume(self, name_or_arn: str, reason: str | None = None) -> None: ...
    def delete(self, name_or_arn: str) -> None: ...
    def send_callback_success(self, callback_id: str, value: Any) -> None: ...
    def send_callback_failure(self, callback_id: str, error: ErrorObject) -> None: ...
    def send_callback_heartbeat(self, callback_id: str) -> None: ...


@contextmanager
def client_of(where: Where, subject: str = "") -> Generator[Client, None, None]:
    """A client of the file or of the service. `subject`: what an error of the other side is about."""
    if where.is_service:
        with service_of(where, subject) as client:
            yield client
    else:
        with refusals(subject), FileClient(where.db) as client:
            yield client


@contextmanager
def service_of(where: Where, subject: str = "") -> Generator[ServiceClient, None, None]:
    """A client of the service."""
    if where.db != DEFAULT_DB:
        raise CommandError("--db is a file, the other options mean the service: give one or the other")
    if not where.is_service:
        raise CommandError("this is asked of the service: give --region, --profile or --endpoint-url")
    with refusals(subject):
        # late, both: boto3 takes half a second, and a file is read without
        from durable_lambda.cli.service import ServiceClient
        from durable_lambda.lambda_api import lambda_client

        boto = lambda_client(where.endpoint_url, region=where.region, profile=where.profile)
    from durable_lambda.cli.service import service_refusals

    with service_refusals(subject):
        yield ServiceClient(boto, where.function)

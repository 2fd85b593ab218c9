"""The file of `durable serve --functions`: which functions an Invoke endpoint runs, and how each is configured.

It is JSON: a function's name to its configuration, with the names that Lambda uses. A function without `DurableConfig`
is not durable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from durable_lambda.cli.failure import CommandError
from durable_lambda.protocol import limits

_Timeout = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_INVOCATION_TIMEOUT_SECONDS)]
_ExecutionTimeout = Annotated[
    int, msgspec.Meta(ge=limits.MIN_EXECUTION_TIMEOUT_SECONDS, le=limits.MAX_EXECUTION_TIMEOUT_SECONDS)
]
_Retries = Annotated[int, msgspec.Meta(ge=0, le=limits.MAX_EVENT_RETRIES)]
_Age = Annotated[int, msgspec.Meta(ge=limits.MIN_EVENT_AGE_SECONDS, le=limits.MAX_EVENT_AGE_SECONDS)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_RETENTION_DAYS)]


class DurableConfig(msgspec.Struct, frozen=True):
    execution_timeout: _ExecutionTimeout = msgspec.field(
        default=limits.MAX_EXECUTION_TIMEOUT_SECONDS, name="ExecutionTimeout"
    )
    retention_days: _Days = msgspec.field(default=limits.DEFAULT_RETENTION_DAYS, name="RetentionPeriodInDays")


class EventInvokeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done for an event that nobody waits for. There are no destinations."""

    retries: _Retries = msgspec.field(default=limits.MAX_EVENT_RETRIES, name="MaximumRetryAttempts")
    max_age: _Age = msgspec.field(default=limits.MAX_EVENT_AGE_SECONDS, name="MaximumEventAgeInSeconds")


class FunctionConfiguration(msgspec.Struct, frozen=True):
    """How one function is configured. Without `durable` it is not durable."""

    durable: DurableConfig | None = msgspec.field(default=None, name="DurableConfig")
    timeout: _Timeout = msgspec.field(default=limits.MAX_INVOCATION_TIMEOUT_SECONDS, name="Timeout")
    events: EventInvokeConfig | None = msgspec.field(default=None, name="EventInvokeConfig")


DURABLE: Final = FunctionConfiguration(DurableConfig())
"""Of a function that is in no file: durable, with the longest time-outs."""


def read_functions(path: Path) -> dict[str, FunctionConfiguration]:
    """The functions of a file. Raises `CommandError` when it cannot be read or says something else."""
    try:
        configurations = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CommandError(
            f'{path} must be JSON of a function\'s name to {{"DurableConfig": {{"ExecutionTimeout": 3600}}, '
            f'"Timeout": 60}}: {error}'
        ) from error
    return {name: _read(f"{path}, {name}", configuration) for name, configuration in configurations.items()}


def _read(place: str, encoded: msgspec.Raw) -> FunctionConfiguration:
    try:
        function = msgspec.json.decode(encoded, type=FunctionConfiguration)
    except msgspec.MsgspecError as error:
        raise CommandError(f"{place}: {error}") from error
    if function.durable is not None and function.events is not None:
        raise CommandError(
            f"{place}: EventInvokeConfig is for functions that are not durable; an event that a durable function is "
            "invoked with starts an execution, which has retries of its own: leave out that or the DurableConfig"
        )
    return function

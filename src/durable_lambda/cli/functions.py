"""The file of `durable serve --functions`: which functions an Invoke endpoint runs, and how each is configured.

It is JSON: a function's name to its configuration, with the names that Lambda uses. A function without `DurableConfig`
is not durable.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from durable_lambda.cli.failure import CommandError
from durable_lambda.protocol import limits

_Timeout = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_INVOCATION_TIMEOUT_SECONDS)]
_ExecutionTimeout = Annotated[
    int, msgspec.Meta(ge=limits.MIN_EXECUTION_TIMEOUT_SECONDS, le=limits.MAX_EXECUTION_TIMEOUT_SECONDS)
]
_Days = Annotated[int, msgspec.Meta(ge=1, le=limits.MAX_RETENTION_DAYS)]


class DurableConfig(msgspec.Struct, frozen=True):
    execution_timeout: _ExecutionTimeout = msgspec.field(
        default=limits.MAX_EXECUTION_TIMEOUT_SECONDS, name="ExecutionTimeout"
    )
    retention_days: _Days = msgspec.field(default=limits.DEFAULT_RETENTION_DAYS, name="RetentionPeriodInDays")


class _Configuration(msgspec.Struct, frozen=True):
    durable: DurableConfig | None = msgspec.field(default=None, name="DurableConfig")
    timeout: _Timeout = msgspec.field(default=limits.MAX_INVOCATION_TIMEOUT_SECONDS, name="Timeout")


class EndpointFunction(msgspec.Struct, frozen=True):
    """One function of the file."""

    name: str
    timeout: int
    durable: DurableConfig | None


def read_functions(path: Path) -> list[EndpointFunction]:
    """The functions of a file. Raises `CommandError` when it cannot be read or says something else."""
    try:
        configurations = msgspec.json.decode(path.read_bytes(), type=dict[str, _Configuration])
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CommandError(
            f'{path} must be JSON of a function\'s name to {{"DurableConfig": {{"ExecutionTimeout": 3600}}, '
            f'"Timeout": 60}}: {error}'
        ) from error
    return [EndpointFunction(name, each.timeout, each.durable) for name, each in configurations.items()]

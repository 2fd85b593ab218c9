"""Which function an invoke means: names as the service takes them, looked up among the functions that are hosted.

An engine has one version of each function, so whatever the qualifier says, that version is meant. Without a qualifier
the service refuses a durable function, since an execution is pinned to a version; here nothing can be confused, and the
name alone is what somebody writes who has no versions. It is taken, unless `is_strict` asks for the service's rule.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from durable_lambda.engine.machine.batch import refuse
from durable_lambda.engine.machine.identity import ACCOUNT, REGION, function_arn
from durable_lambda.protocol.errors import InvalidParameterValueException, ResourceNotFoundException
from durable_lambda.protocol.limits import MAX_FUNCTION_NAME
from durable_lambda.protocol.operations import ErrorObject

UNQUALIFIED: Final = "You cannot invoke a durable function using an unqualified ARN."

_NAME = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    r"(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


class DurableTarget(Protocol):
    """What has to be known of a durable function to start an execution of it."""

    @property
    def execution_timeout(self) -> int:
        """Seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Targets:
    """The functions that an invoke can reach, by name."""

    durable: Mapping[str, DurableTarget] = field(default_factory=dict[str, DurableTarget])
    plain: Container[str] = ()
    is_strict: bool = False
    """Whether a durable function has to be named with a qualifier, as the service demands."""
    any_account: bool = False
    """Whether the account and the Region in a name are left unread."""


def resolve(function_name: str, targets: Targets, *, needs_qualifier: bool = True) -> str | ErrorObject:
    """The name of the hosted function, or the error that the invoke fails with.

    `needs_qualifier`: whether what is asked for is bound to a version, as an invocation is and a list is not.

    Raises `InvalidParameterValueException` for what is no function's name, or that of another account or Region.
    """
    found = _NAME.fullmatch(function_name)
    if found is None or len(function_name) > MAX_FUNCTION_NAME:
        raise refuse(
            f"1 validation error detected: Value '{function_name}' at 'chainedInvokeOptions.functionName' failed to "
            f"satisfy constraint: Member must be a function's name of at most {MAX_FUNCTION_NAME} characters"
        )
    if not targets.any_account and found["account"] not in (None, ACCOUNT):
        raise refuse("Cannot start a CHAINED_INVOKE on a function in another account.")
    if not targets.any_account and found["region"] not in (None, REGION):
        raise refuse("Cannot start a CHAINED_INVOKE on a function in another region.")
    name = found["name"]
    if name in targets.durable:
        if needs_qualifier and targets.is_strict and found["qualifier"] is None:
            return ErrorObject(InvalidParameterValueException.code, UNQUALIFIED)
        return name
    if name in targets.plain:
        return name
    return ErrorObject(ResourceNotFoundException.code, f"Function not found: {function_arn(name)}")

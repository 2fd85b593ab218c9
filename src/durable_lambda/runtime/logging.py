"""Logging that does not repeat itself: silent while the code runs over what it has done before.

A `LoggerAdapter` decides when a record is made, so handlers and levels stay the user's own, whenever they are added.
Any other logger writes whenever it is called, as it does everywhere; where its records go, an `ExecutionFields` filter
can add which execution and operation they are of.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from durable_lambda.loop import CURRENT
from durable_lambda.runtime.strand import BodyStrand, CodeStrand

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation
    from durable_lambda.runtime.scope import Scope

LOGGER_NAME: Final = "durable_lambda.function"


class _FieldsAdapter(logging.LoggerAdapter[logging.Logger]):
    """Adds fields to every record, under those that the call itself gives by `extra=`."""

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        fields: Mapping[str, object] = self.extra or {}
        kwargs["extra"] = {**fields, **(kwargs.get("extra") or {})}
        return msg, kwargs


class ReplaySafeLogger(_FieldsAdapter):
    """`ctx.logger`: emits nothing while the context is replaying."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(logging.getLogger(LOGGER_NAME), _execution_fields(scope.invocation, scope.parent_id))
        self._scope = scope

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # of the standard library
        return super().isEnabledFor(level) and not self._scope.is_replaying


def body_logger(
    scope: Scope, name: str | None, operation_id: str, attempt: int
) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of a step's body, which only runs when it is new."""
    fields = _execution_fields(scope.invocation, scope.parent_id) | _step_fields(name, operation_id, attempt)
    return _FieldsAdapter(logging.getLogger(LOGGER_NAME), fields)


class ExecutionFields(logging.Filter):
    """Adds to every record which execution it is of, and in a step which step: for any logger, of libraries too.

    The fields are `executionArn`, `requestId` and `parentId`, and in the body of a step `operationId`, `operationName`
    and `attempt`; a record that has one already keeps it, and outside a durable function nothing is added. Add the
    filter to a handler, not to a logger: a logger's filters are not asked about the records of its children.

    It adds fields and silences nothing: while the function replays, only `ctx.logger` is silent.

    Example:
        for handler in logging.getLogger().handlers:  # in Lambda: the handler that writes to CloudWatch
            handler.addFilter(ExecutionFields())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields. Keeps every record."""
        for key, value in current_fields().items():
            vars(record).setdefault(key, value)
        return True


def current_fields() -> dict[str, object]:
    """The fields of the code that is running; none where no durable function is."""
    strand = CURRENT.get()
    if isinstance(strand, BodyStrand):
        step = strand.attempt
        fields = _execution_fields(strand.group, strand.parent_id)
        return fields | _step_fields(step.name, step.operation_id, step.attempt)
    if isinstance(strand, CodeStrand):
        return _execution_fields(strand.group, strand.scope.parent_id)
    return {}


def _execution_fields(invocation: Invocation, parent_id: str | None) -> dict[str, object]:
    context = invocation.lambda_context
    return {
        "executionArn": invocation.arn,
        "requestId": context.aws_request_id if context is not None else None,
        "parentId": parent_id,
    }


def _step_fields(name: str | None, operation_id: str, attempt: int) -> dict[str, object]:
    return {"operationId": operation_id, "operationName": name, "attempt": attempt}

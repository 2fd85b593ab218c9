"""Logging that does not repeat itself: silent while the code runs over what it has done before.

A `LoggerAdapter` decides when a record is made, so handlers and levels stay the user's own, whenever they are added.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
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
        super().__init__(logging.getLogger(LOGGER_NAME), _execution_fields(scope))
        self._scope = scope

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # of the standard library
        return super().isEnabledFor(level) and not self._scope.is_replaying


def body_logger(
    scope: Scope, name: str | None, operation_id: str, attempt: int
) -> logging.LoggerAdapter[logging.Logger]:
    """The logger of a step's body, which only runs when it is new."""
    fields = {**_execution_fields(scope), "operationId": operation_id, "operationName": name, "attempt": attempt}
    return _FieldsAdapter(logging.getLogger(LOGGER_NAME), fields)


def _execution_fields(scope: Scope) -> dict[str, object]:
    invocation = scope.invocation
    context = invocation.lambda_context
    return {
        "executionArn": invocation.arn,
        "requestId": context.aws_request_id if context is not None else None,
        "parentId": scope.parent_id,
    }

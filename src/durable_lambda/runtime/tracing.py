"""OpenTelemetry as a hook: a span `durable_invocation`, and in it a span `durable_operation` for each operation.

A span is the current one while its operation executes, so what a step's body traces is nested in it. A program that has
set a tracer provider is traced without asking for it; where OpenTelemetry is absent, or is imported and never set up,
each invocation asks that once and an operation costs nothing.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from durable_lambda.failures import error_type_name, text_of
from durable_lambda.runtime.hooks import (
    Hooks,
    InvocationEnd,
    InvocationStart,
    OperationEnd,
    OperationStart,
)

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

OPERATION_SPAN: Final = "durable_operation"
INVOCATION_SPAN: Final = "durable_invocation"
TRACER: Final = "durable_lambda"

_log = logging.getLogger("durable_lambda")


class _Open:
    """A span that has begun."""

    __slots__ = ("before", "key", "span", "token")

    def __init__(self, key: str, span: Span, token: Any, before: _Open | None) -> None:
        self.key = key
        self.span = span
        self.token = token
        self.before = before


_OPEN: ContextVar[_Open | None] = ContextVar("durable_lambda_span", default=None)
"""The innermost span of ours; a start and its end see the same."""


class OpenTelemetryHooks(Hooks):
    """Traces invocations and operations. Needs `opentelemetry-api` (`pip install 'durable-lambda[otel]'`).

    You need it only for a provider of your own: where the program has set one with `trace.set_tracer_provider`, the
    package adds these hooks by itself, unless you give some.

    A span `durable_operation` has the attributes `op.name`, `op.type`, `op.id`, `op.replayed`, `op.outcome`
    (`SUCCEEDED`, `FAILED`, `CANCELLED`, `SUSPENDED`), and for a step or a condition `op.attempt`; one that failed has
    the exception as an event. Its parent is the operation whose code called it, and in the end the span
    `durable_invocation`, with `execution.arn`, `function.name`, `request.id`, `invocation.first` and
    `invocation.outcome`.

    Args:
        tracer_provider: Where spans go. Default: the program's.

    Raises:
        ImportError: `opentelemetry-api` is not installed.

    Example:
        @durable_execution(hooks=OpenTelemetryHooks(provider))
        async def handler(event: Order, ctx: DurableContext) -> Receipt: ...
    """

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        from opentelemetry import context, trace  # late: an extra

        self._trace = trace
        self._context = context
        self._provider = tracer_provider
        self._tracer: Tracer = trace.get_tracer(TRACER, tracer_provider=tracer_provider)

    def on_invocation_start(self, info: InvocationStart) -> None:
        attributes = {
            "execution.arn": info.execution_arn,
            "function.name": info.function,
            "request.id": info.request_id or "",
            "invocation.first": info.is_first,
        }
        self._begin(info.execution_arn, INVOCATION_SPAN, attributes)

    def on_invocation_end(self, info: InvocationEnd) -> None:
        failure = info.error if info.outcome in ("FAILED", "BROKEN") else None
        self._end(info.execution_arn, {"invocation.outcome": info.outcome}, failure)

    def on_operation_start(self, info: OperationStart) -> None:
        attributes: dict[str, str | bool | int] = {
            "op.name": info.name or "",
            "op.type": info.kind,
            "op.id": info.operation_id,
            "op.replayed": info.is_replayed,
        }
        if info.attempt is not None:
            attributes["op.attempt"] = info.attempt
        self._begin(info.operation_id, OPERATION_SPAN, attributes)

    def on_operation_end(self, info: OperationEnd) -> None:
        attributes: dict[str, str | bool | int] = {"op.outcome": info.outcome}
        if info.attempt is not None:
            attributes["op.attempt"] = info.attempt
        self._end(info.operation_id, attributes, info.error)

    def _begin(self, key: str, name: str, attributes: dict[str, Any]) -> None:
        span = self._tracer.start_span(name, attributes=attributes)
        token = self._context.attach(self._trace.set_span_in_context(span))
        _OPEN.set(_Open(key, span, token, _OPEN.get()))

    def _end(self, key: str, attributes: dict[str, Any], error: BaseException | None) -> None:
        current = _OPEN.get()
        if current is None or current.key != key:
            return  # its start has failed
        _OPEN.set(current.before)
        self._context.detach(current.token)
        if error is not None:
            text = text_of(error)
            details = {"exception.type": error_type_name(type(error)), "exception.message": text}
            current.span.add_event("exception", details)
            current.span.set_status(self._trace.StatusCode.ERROR, text)
        current.span.set_attributes(attributes)
        current.span.end()


def provider_in_use() -> Any:
    """The tracer provider that this program has set; `None` when it does not use OpenTelemetry."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        provider = trace.get_tracer_provider()
        is_set_up = not isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider))
    except Exception:  # an environment that names a provider which is not there
        return None
    return provider if is_set_up else None


def hooks_for(provider: Any) -> list[Hooks]:
    """The hooks that trace with the program's provider; none when it gives no tracer."""
    try:
        return [OpenTelemetryHooks(provider)]
    except Exception:
        _log.exception("the tracer provider of this program gives no tracer; its operations are not traced")
        return []

"""A span `durable_operation` for each operation, for those who use OpenTelemetry.

Its absence costs nothing: the API is used only when the program has imported it already, which a program that traces
does. A span is the current one while the operation executes, so what a step's body traces is nested in it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from durable_lambda.failures import error_type_name, text_of
from durable_lambda.protocol import operations as wire

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from durable_lambda.runtime.call import Call

SPAN_NAME: Final = "durable_operation"


def is_enabled() -> bool:
    """Whether this program uses OpenTelemetry."""
    return "opentelemetry.trace" in sys.modules


def _attributes(call: Call[Any], recorded: wire.Operation | None, *, replayed: bool) -> dict[str, str | bool | int]:
    attributes: dict[str, str | bool | int] = {
        "op.name": call.name or "",
        "op.type": call.kind,
        "op.id": call.id,
        "op.replayed": replayed,
    }
    if call.type == "STEP":
        ended = recorded.step_details.attempt if recorded is not None and recorded.step_details is not None else 0
        attributes["op.attempt"] = ended if replayed else ended + 1
    return attributes


def record_replay(call: Call[Any], recorded: wire.Operation) -> None:
    """The span of an operation whose outcome the journal had."""
    from opentelemetry import trace

    attributes = _attributes(call, recorded, replayed=True)
    with trace.get_tracer("durable_lambda").start_as_current_span(SPAN_NAME, attributes=attributes) as span:
        span.set_attribute("op.outcome", recorded.status)


@contextmanager
def span(call: Call[Any], recorded: wire.Operation | None) -> Generator[Span]:
    """The span of an operation that is executed: SUCCEEDED, FAILED, or SUSPENDED when it goes on another time."""
    from opentelemetry import trace

    tracer = trace.get_tracer("durable_lambda")
    attributes = _attributes(call, recorded, replayed=False)
    with tracer.start_as_current_span(
        SPAN_NAME, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            text = text_of(error)
            details = {"exception.type": error_type_name(type(error)), "exception.message": text}
            current.add_event("exception", details)
            current.set_status(trace.StatusCode.ERROR, text)
            current.set_attribute("op.outcome", "FAILED")
            raise
        except BaseException:
            suspended = call.scope.is_ended
            current.set_attribute("op.outcome", "SUSPENDED" if suspended else "CANCELLED")
            raise
        current.set_attribute("op.outcome", "SUCCEEDED")

"""The limits that an engine enforces. The service's by default, so that what runs here runs there; adjustable."""

from __future__ import annotations

from dataclasses import dataclass

from durable_lambda.protocol import limits as service


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are bytes of UTF-8, durations milliseconds where the name says so. Raise one to allow more."""

    operation_payload: int = service.MAX_OPERATION_PAYLOAD
    """A step's, context's, callback's or invoke's result, and an invoke's input."""
    error_object: int = service.MAX_ERROR_OBJECT
    """Type, message, data and stack trace of one error together."""
    execution_payload: int = service.MAX_EXECUTION_PAYLOAD
    """An execution's input, and its result."""
    operations: int = service.MAX_OPERATIONS
    """Operations in one execution. The SDK refuses the call that would be one more; if it is sent all the same it fails
    the execution."""
    execution_data: int = service.MAX_EXECUTION_DATA
    """Everything that one execution ever checkpointed. More fails the execution."""
    page_bytes: int = 4 * service.MIB
    """Payloads in one page of state. What is more follows on further pages."""
    failed_invocations: int = 5
    """Invocations that may fail one after another; the last one's error becomes the execution's."""
    first_retry_delay_ms: int = 5_000
    """Between a failed invocation and the next one; doubled for each further failure in a row."""
    longest_retry_delay_ms: int = 300_000
    futile_invocations: int = 3
    """Invocations in a row that may answer PENDING although nothing is pending."""

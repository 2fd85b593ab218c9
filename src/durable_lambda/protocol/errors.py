"""Errors of the service, as both sides know them: a class and a status for each, the service's own spelling.

The casing of the message member in an error's body differs by shape; `message_key` has it, since clients depend on it.
"""

from __future__ import annotations

from typing import ClassVar, Final

INVALID_CHECKPOINT_TOKEN: Final = "Invalid checkpoint token"
INVALID_MARKER: Final = "Invalid Marker"
UNKNOWN_EXECUTION: Final = "Durable Execution does not exist"
UNKNOWN_CALLBACK: Final = "Invalid callback id"
CLOSED_CALLBACK: Final = "The callback is either timed out or already completed"


class ServiceError(Exception):
    """An error answer of the service. `code` is its type on the wire, `status` the HTTP status."""

    code: str = "ServiceException"
    status: int = 500
    message_key: ClassVar[str] = "Message"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed later: throttling and faults of the service, but not of a key."""
        return self.status == 429 or (self.status >= 500 and not self.code.startswith("KMS"))

    @property
    def is_stale_token(self) -> bool:
        """Whether the checkpoint token was spent or replaced; services differ in the casing of the text."""
        return self.status == 400 and self.message.lower().startswith(INVALID_CHECKPOINT_TOKEN.lower())


class InvalidParameterValueException(ServiceError):
    code = "InvalidParameterValueException"
    status = 400
    message_key = "message"


class ResourceNotFoundException(ServiceError):
    code = "ResourceNotFoundException"
    status = 404


class ResourceConflictException(ServiceError):
    code = "ResourceConflictException"
    status = 409
    message_key = "message"


class CallbackTimeoutException(ServiceError):
    code = "CallbackTimeoutException"
    status = 400


class DurableExecutionAlreadyStartedException(ServiceError):
    code = "DurableExecutionAlreadyStartedException"
    status = 409


class TooManyRequestsException(ServiceError):
    code = "TooManyRequestsException"
    status = 429
    message_key = "message"


class KMSException(ServiceError):
    """A key that cannot be used. HTTP 502, and yet not retryable."""

    code = "KMSAccessDeniedException"
    status = 502


class OtherServiceError(ServiceError):
    """An error of another type: of access, of a key, or one that is newer than this package."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def service_error(code: str, status: int, message: str) -> ServiceError:
    """The error that an answer of the service tells of."""
    for kind in (
        InvalidParameterValueException,
        ResourceNotFoundException,
        ResourceConflictException,
        CallbackTimeoutException,
        DurableExecutionAlreadyStartedException,
        TooManyRequestsException,
    ):
        if kind.code == code and kind.status == status:
            return kind(message)
    return OtherServiceError(code, status, message)

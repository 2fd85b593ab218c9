"""Answers: a JSON document or raw bytes, and errors in the form that clients of the service know them by.

The class of an error travels in the header `x-amzn-errortype`; without it boto3 raises no class of its own. The body
has the message under the key that the error's shape gives it (`message_key`), since clients depend on that too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from durable_lambda.protocol.errors import ServiceError, TooManyRequestsException


class RequestTooLargeException(ServiceError):
    code = "RequestTooLargeException"
    status = 413
    message_key = "message"


class InvalidRequestContentException(ServiceError):
    code = "InvalidRequestContentException"
    status = 400
    message_key = "message"


class AccessDeniedException(ServiceError):
    code = "AccessDeniedException"
    status = 403


class UnknownOperationException(ServiceError):
    code = "UnknownOperationException"
    status = 404


class MethodNotAllowedException(ServiceError):
    code = "MethodNotAllowedException"
    status = 405


@dataclass(slots=True)
class Reply:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content_type: str = "application/json"


def as_json(document: Any, status: int = 200) -> Reply:
    """A document as JSON."""
    return Reply(status, msgspec.json.encode(document))


def as_error(error: ServiceError) -> Reply:
    """An error of the service."""
    body = {"Type": "User" if error.status < 500 else "Service", error.message_key: error.message}
    headers = {"x-amzn-errortype": error.code}
    if isinstance(error, TooManyRequestsException):
        body["Reason"] = "CallerRateLimitExceeded"
        body["retryAfterSeconds"] = "1"
        headers["retry-after"] = "1"
    return Reply(error.status, msgspec.json.encode(body), headers)

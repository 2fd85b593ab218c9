"""Where checkpoints go when no engine runs the function: the API of AWS Lambda.

A backend is the two calls of `durable_lambda.protocol.backend.DurableBackend`. Nothing here is imported before a
function is invoked that needs it, and nothing here knows of engines or of operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_lambda.backends.aws import AwsBackend as AwsBackend

__all__ = ["AwsBackend"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from durable_lambda.backends import aws  # late: it brings HTTP and TLS

    return getattr(aws, name)

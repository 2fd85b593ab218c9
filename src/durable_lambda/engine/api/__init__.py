"""The Lambda API of an engine over HTTP: boto3, the AWS CLI and other languages' SDKs are its clients, unchanged.

It runs on a loop of its own, in a thread of its own; the engine is asked through `Gateway`. So a function that blocks
the engine's loop does not keep the server from answering that the engine is busy.
"""

from durable_lambda.engine.api.access import Access
from durable_lambda.engine.api.server import PortInUseError, Server

__all__ = ["Access", "PortInUseError", "Server"]

"""What every handler here shares: where its checkpoints go, and a mark that survives the process."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from durable_lambda import durable_execution
from durable_lambda.engine.remote.backend import HttpBackend

backend = HttpBackend(os.environ.get("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9000"))

durable: Any = functools.partial(durable_execution, backend=backend)
"""`@durable_execution`, for the engine that the environment names."""


def is_first_time(key: str) -> bool:
    """Whether nobody has asked with that key before, in whatever process: for bodies that crash once."""
    mark = Path(tempfile.gettempdir()) / f"durable-conformance-{hashlib.sha256(key.encode()).hexdigest()}"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def crash() -> None:
    """End the process as a killed one ends: nothing is cleaned up."""
    os._exit(1)

"""What `durable serve` logs to stderr: lines for people, or JSON for a collector."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from logging.handlers import MemoryHandler

from durable_lambda.runtime.json_formatter import JsonFormatter


def configure_logs(form: str) -> Callable[[], None]:
    """Log from INFO on. `form`: `text` or `json`.

    Nothing is written before the function that this returns was called, or the process ends: executions of before go on
    while the server begins, and whoever has started it reads its URL from the first line.
    """
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    held = MemoryHandler(sys.maxsize, flushLevel=sys.maxsize, target=handler)
    logging.basicConfig(level=logging.INFO, handlers=[held])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

    def release() -> None:
        held.capacity = 1
        held.flush()

    return release

"""What `durable serve` logs to stderr: lines for people, or JSON for a collector."""

from __future__ import annotations

import logging
import sys

from durable_lambda.runtime.json_formatter import JsonFormatter


def configure_logs(form: str) -> None:
    """Log from INFO on. `form`: `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

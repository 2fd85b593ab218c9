"""One execution environment: a process that runs one handler, one invocation at a time.

Requests come on one pipe and answers leave on another, a line of JSON each. Standard output is the function's log.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import time
import traceback
from typing import Any

_STANDARD = set(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as Lambda's JSON log format has it, its own fields at the top."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "message": record.getMessage(), "logger": record.name}
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD and value is not None}
        return json.dumps(line, default=str)


class LambdaContext:
    """What a handler gets beside its event."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id = request["request_id"]
        self.function_name = request["function"]
        self.invoked_function_arn = request["arn"]
        self.tenant_id = request["tenant_id"]
        self._ends_at = time.monotonic() + request["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends_at - time.monotonic()) * 1000))


def main() -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(int(sys.argv[2]), "r", encoding="utf-8")
    answers = os.fdopen(int(sys.argv[3]), "w", encoding="utf-8")
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[stream])
    module, _, attribute = sys.argv[1].partition(":")
    handler = getattr(importlib.import_module(module), attribute)
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"payload": json.dumps(handler(request["event"], LambdaContext(request)))}
        except Exception as error:
            traceback.print_exc()
            stack = traceback.format_tb(error.__traceback__)
            answer = {"error": {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": stack}}
        sys.stdout.flush()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

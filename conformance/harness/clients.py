"""Stand-ins for the two services of AWS that the suite asks beside Lambda, as far as it does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from harness.host import Logs


class CloudFormation:
    """Tells the physical names of functions, which are their logical ones."""

    def __init__(self, functions: Iterable[str]) -> None:
        self._functions = list(functions)

    def get_paginator(self, operation: str) -> Any:
        kind = "AWS::Lambda::Function"
        summaries = [
            {"LogicalResourceId": name, "PhysicalResourceId": name, "ResourceType": kind} for name in self._functions
        ]
        return SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": summaries}])

    def describe_stack_resource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        return {"StackResourceDetail": {"PhysicalResourceId": LogicalResourceId}}


class CloudWatchLogs:
    """Filters the captured lines by the one kind of filter that the suite sends: fields that equal a text."""

    _CLAUSE = re.compile(r'\$\.(\w+) = "((?:[^"\\]|\\.)*)"')

    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def filter_log_events(self, **options: Any) -> dict[str, Any]:
        function = options["logGroupName"].rpartition("/")[2]
        events = self._logs.of(function, options.get("startTime", 0))
        clauses = [(name, json.loads(f'"{value}"')) for name, value in self._CLAUSE.findall(options["filterPattern"])]
        return {"events": [event for event in events if _matches(event["message"], clauses)]}


def _matches(line: str, clauses: list[tuple[str, str]]) -> bool:
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return isinstance(fields, dict) and any(fields.get(name) == value for name, value in clauses)

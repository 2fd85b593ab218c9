"""ListDurableExecutionsByFunction: one function's executions, the newest first unless asked otherwise."""

from __future__ import annotations

from typing import Any, Final, get_args

from durable_lambda.engine.api.call import Call, malformed
from durable_lambda.engine.api.executions import status_of
from durable_lambda.engine.api.gateway import Gateway
from durable_lambda.engine.api.reply import Reply, as_json
from durable_lambda.engine.api.wire import summary
from durable_lambda.engine.host import Host
from durable_lambda.engine.machine.identity import NAME
from durable_lambda.engine.machine.pages import start_of
from durable_lambda.engine.machine.targets import resolve
from durable_lambda.engine.store import Search
from durable_lambda.protocol.errors import ResourceNotFoundException
from durable_lambda.protocol.limits import DEFAULT_PAGE_SIZE
from durable_lambda.protocol.operations import ErrorObject, ExecutionStatus

STATUSES: Final = get_args(ExecutionStatus)
MOST_STATUSES: Final = 10


async def list_executions(gateway: Gateway, call: Call) -> Reply:
    """A page of executions. A marker is the key of the one before the page."""
    function_name, statuses, name = call.path["FunctionName"], call.texts("Statuses"), call.text("DurableExecutionName")
    for status in statuses:
        if status not in STATUSES:
            raise malformed("statuses", status, f"satisfy enum value set: [{', '.join(STATUSES)}]")
    if len(statuses) > MOST_STATUSES:
        raise malformed("statuses", str(statuses), f"have length less than or equal to {MOST_STATUSES}")
    if name and NAME.fullmatch(name) is None:
        raise malformed("durableExecutionName", name, f"satisfy regular expression pattern: {NAME.pattern}")
    size = call.max_items() or DEFAULT_PAGE_SIZE
    marker = start_of(call.text("Marker"))
    oldest_first = call.flag("ReverseOrder", False)
    after, before = call.moment("StartedAfter"), call.moment("StartedBefore")

    def read(host: Host) -> dict[str, Any]:
        function = _function(host, function_name)
        search = Search(function, name or None, tuple(statuses), after, before, marker or None, oldest_first, size + 1)
        rows = host.store.search(search)
        wire: dict[str, Any] = {"DurableExecutions": [summary(row, status_of(host, row)) for row in rows[:size]]}
        if len(rows) > size:
            wire["NextMarker"] = str(rows[size - 1].key)
        return wire

    return as_json(await gateway.ask(read))


def _function(host: Host, function_name: str) -> str:
    """The function that a name means: one that is hosted, or one that has executions in the file."""
    function = resolve(function_name, host.targets, needs_qualifier=False)
    if not isinstance(function, ErrorObject):
        return function
    bare = function_name.rpartition("function:")[2].partition(":")[0]
    if not host.store.has_executions_of(bare):
        raise ResourceNotFoundException(function.error_message or "Function not found")
    return bare

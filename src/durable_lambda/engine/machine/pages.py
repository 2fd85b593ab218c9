"""State in pages: operations in the order in which they started, without what a completed context keeps to itself."""

from __future__ import annotations

from durable_lambda.engine.machine.batch import error_size, refuse, text_size
from durable_lambda.engine.machine.state import ExecutionState
from durable_lambda.protocol import limits
from durable_lambda.protocol.backend import ExecutionState as StatePage
from durable_lambda.protocol.errors import INVALID_MARKER
from durable_lambda.protocol.operations import Operation


def state_page(state: ExecutionState, marker: str, max_items: int, page_bytes: int) -> StatePage:
    """The page that a marker stands for; the first one for an empty marker. `max_items` 0 means the service's default.

    Raises `InvalidParameterValueException` for a marker that was not given, and for more items than a page may have.
    """
    if not 0 <= max_items <= limits.MAX_PAGE_SIZE:
        raise refuse(
            f"1 validation error detected: Value '{max_items}' at 'maxItems' failed to satisfy constraint: "
            f"Member must have value between 0 and {limits.MAX_PAGE_SIZE}"
        )
    operations, following = page_of(state, start_of(marker), max_items or limits.DEFAULT_PAGE_SIZE, page_bytes)
    return StatePage(list(operations), following)


def start_of(marker: str) -> int:
    """The position that a marker stands for."""
    if not marker:
        return 0
    if not marker.isascii() or not marker.isdigit():
        raise refuse(INVALID_MARKER)
    return int(marker)


def page_of(state: ExecutionState, start: int, max_items: int, page_bytes: int) -> tuple[list[Operation], str | None]:
    """At most so many operations and (except for a single one) bytes from a position on, and the next page's marker."""
    hidden: set[str] = set()
    page: list[Operation] = []
    size = 0
    for position, operation in enumerate(state.operations.values()):
        parent = operation.parent_id
        if parent is not None and (parent in hidden or _keeps_children(state.operations[parent])):
            hidden.add(operation.id)
            continue
        if position < start:
            continue
        size += _payload_size(operation)
        if page and (len(page) == max_items or size > page_bytes):
            return page, str(position)
        page.append(operation)
    return page, None


def _keeps_children(context: Operation) -> bool:
    """Whether a context is over and its result stands for everything in it."""
    return context.is_terminal and not (context.context_details and context.context_details.replay_children)


def _payload_size(operation: Operation) -> int:
    for details in (
        operation.step_details,
        operation.context_details,
        operation.callback_details,
        operation.chained_invoke_details,
    ):
        if details is not None:
            return text_size(details.result) + error_size(details.error)
    return text_size(operation.execution_details.input_payload) if operation.execution_details else 0

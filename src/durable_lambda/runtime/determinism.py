"""What to say when the code and the history disagree.

Found at the first operation that differs. The error shows what the history has and what the code asked for, the
operations around that place, and the line of the call. It ends the execution: the invocation remembers it, so user code
that catches it cannot make the execution succeed.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from durable_lambda.errors import NonDeterministicExecutionError
from durable_lambda.failures import error_type_name, text_of
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.operations import RawOperation, decode_operation, operation_id_of

if TYPE_CHECKING:
    from durable_lambda.runtime.call import Call
    from durable_lambda.runtime.scope import Scope
    from durable_lambda.runtime.strand import CodeStrand

_PACKAGE: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_NEIGHBOURS: Final = 2
_ADVICE: Final = (
    "A durable function must call the same operations in the same order every time it runs: keep clocks, random "
    "numbers, I/O and unordered iteration inside steps, and keep the order of operations when code changes while "
    "executions are in flight."
)


def mismatch(strand: CodeStrand, call: Call[Any], recorded: wire.Operation) -> NonDeterministicExecutionError:
    """The code called another operation than the history has."""
    scope = strand.scope
    differs = [
        word
        for word, same in (
            ("type", recorded.type == call.type),
            ("sub type", recorded.sub_type == call.sub_type),
            ("name", recorded.name == call.name),
            ("parent", recorded.parent_id == scope.parent_id),
        )
        if not same
    ]
    current = _described(call.type, call.sub_type, call.name)
    text = (
        f"the history and the code differ at operation {strand.count} ({', '.join(differs)}):\n"
        f"  recorded: {_shown(recorded)}\n"
        f"  current:  {current}\n"
        f"{_source_line()}"
        f"{_neighbours(scope, recorded.id)}"
        f"{_ADVICE}"
    )
    return _remembered(scope, text, call.name, call.id)


def resized(call: Call[Any], recorded: int, current: int) -> NonDeterministicExecutionError:
    """A batch had another number of branches when it was recorded."""
    text = (
        f"the history and the code differ in the number of branches of {call.label}:\n"
        f"  recorded: {recorded}\n"
        f"  current:  {current}\n"
        f"{_source_line()}"
        f"{_neighbours(call.scope, call.id)}"
        f"{_ADVICE}"
    )
    return _remembered(call.scope, text, call.name, call.id)


def missing(scope: Scope, uncalled: str, raised: Exception | None) -> NonDeterministicExecutionError:
    """The code ended without calling an operation that the history has."""
    recorded = decode_operation(scope.journal.recorded[uncalled])
    ending = "the function has returned"
    headline = "the history has an operation that the code no longer calls:"
    if raised is not None:
        ending = "the function has raised that"
        headline = f"{error_type_name(type(raised))}: {text_of(raised)}\nwas raised where the history goes on:"
    text = (
        f"{headline}\n  recorded: {_shown(recorded)}\n  current:  {ending}\n{_neighbours(scope, recorded.id)}{_ADVICE}"
    )
    return _remembered(scope, text, recorded.name, recorded.id)


def _remembered(scope: Scope, text: str, name: str | None, id_: str) -> NonDeterministicExecutionError:
    error = NonDeterministicExecutionError(text, operation_name=name, operation_id=id_)
    scope.invocation.fail(error)
    return error


def _shown(operation: wire.Operation) -> str:
    return f"{_described(operation.type, operation.sub_type, operation.name)} {operation.status}"


def _described(type_: str, sub_type: str | None, name: str | None) -> str:
    kind = type_ if sub_type is None or sub_type.upper() == type_ else f"{type_} ({sub_type})"
    return f"{kind} {name!r}" if name is not None else f"{kind} without a name"


def _neighbours(scope: Scope, recorded_id: str) -> str:
    """The history around the place, among the operations of the same context, with a sign at the place."""
    siblings: list[RawOperation] = [
        raw for raw in scope.journal.history if _parent_of(raw) == scope.parent_id and _type_of(raw) != "EXECUTION"
    ]
    place = next((index for index, raw in enumerate(siblings) if operation_id_of(raw) == recorded_id), 0)
    lines = [
        f"  {'>' if index == place else ' '} {index + 1}. {_shown(decode_operation(siblings[index]))}\n"
        for index in range(max(0, place - _NEIGHBOURS), min(len(siblings), place + _NEIGHBOURS + 1))
    ]
    return "the history around it:\n" + "".join(lines) if lines else ""


def _parent_of(raw: RawOperation) -> str | None:
    return raw.get("ParentId") if isinstance(raw, dict) else raw.parent_id


def _type_of(raw: RawOperation) -> str:
    return raw["Type"] if isinstance(raw, dict) else raw.type


def _source_line() -> str:
    """The line of user code that made the call."""
    frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # no public way to a caller's frame
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return ""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return f"called at {frame.f_code.co_filename}:{frame.f_lineno}, in {frame.f_code.co_name}:\n    {line}\n"

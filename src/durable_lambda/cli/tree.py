"""Operations as the rows of a tree: what the terminal shows, as values.

Pure: operations and the present moment go in, rows come out; no terminal, no clock, no colours but their names. `live`
paints the rows, `show` prints them, and the tests compare them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from durable_lambda.protocol.operations import (
    ErrorObject,
    Operation,
    OperationStatus,
    StepDetails,
    Timestamp,
    epoch_seconds,
)

Tone: TypeAlias = Literal["done", "failed", "running", "waiting", "ended"]

_SIGNS: Final[dict[Tone, str]] = {"done": "✓", "failed": "✗", "running": "●", "waiting": "◷", "ended": "■"}
_PLAIN: Final = str.maketrans(
    {"✓": "+", "✗": "x", "●": "*", "◷": "~", "■": "#", "│": "|", "├": "|", "└": "`", "─": "-", "…": "~"}
)

_TONES: Final[dict[OperationStatus, Tone]] = {
    "STARTED": "running",
    "READY": "running",
    "PENDING": "waiting",
    "SUCCEEDED": "done",
    "FAILED": "failed",
    "TIMED_OUT": "failed",
    "CANCELLED": "ended",
    "STOPPED": "ended",
}
_MAX_MESSAGE: Final = 100


class Row(NamedTuple):
    """One operation, one line. `hint` is a second line: the command that answers what the operation waits for."""

    id: str
    depth: int
    branch: str
    sign: str
    name: str
    kind: str
    state: str
    attempts: str
    elapsed: str
    detail: str
    hint: str
    tone: Tone

    def changed(self, before: Row | None) -> bool:
        """Whether it tells something new, beyond the time that has passed."""
        return before is None or (self.state, self.attempts) != (before.state, before.attempts)

    def label(self) -> str:
        return f"{self.sign} {self.name}"

    def cells(self) -> tuple[str, ...]:
        """The row in columns, the name with its place in the tree first."""
        return (self.branch + self.label(), self.kind, self.state, self.attempts, self.elapsed, self.detail)

    def facts(self) -> str:
        """All but the name, on one line."""
        return "  ".join(part for part in (self.kind, self.state, self.attempts, self.elapsed, self.detail) if part)


class View(NamedTuple):
    """An execution at one moment."""

    name: str
    status: str
    elapsed: str
    rows: Sequence[Row]
    has_ended: bool

    def heading(self) -> str:
        return f"{self.name}  {self.status}  {self.elapsed}"


def view(operations: Sequence[Operation], now: float, *, answer: str = "") -> View:
    """An execution, from all of its operations; the one of type EXECUTION tells how it stands."""
    root = next(operation for operation in operations if operation.type == "EXECUTION")
    tree = rows(operations, now, answer=answer)
    if root.is_terminal:
        tree = [each._replace(hint="") for each in tree]  # nobody waits for an answer any more
    return View(root.name or root.id, _state(root), _elapsed(root, now), tree, root.is_terminal)


def rows(operations: Sequence[Operation], now: float, *, answer: str = "") -> list[Row]:
    """The tree of an execution, children below their context, in the order of their start.

    `now` is in epoch seconds, on the engine's clock. `answer` is what a command that answers a callback ends with.
    """
    known = {operation.id for operation in operations if operation.type != "EXECUTION"}
    children: dict[str | None, list[Operation]] = {}
    for operation in operations:
        if operation.id in known:
            parent = operation.parent_id if operation.parent_id in known else None
            children.setdefault(parent, []).append(operation)
    return list(_branch(children, None, "", now, answer))


def _branch(
    children: dict[str | None, list[Operation]], parent: str | None, stem: str, now: float, answer: str
) -> Iterator[Row]:
    siblings = children.get(parent, [])
    for index, operation in enumerate(siblings):
        last = index == len(siblings) - 1
        yield row(operation, now, depth=len(stem) // 3, branch=stem + ("└─ " if last else "├─ "), answer=answer)
        yield from _branch(children, operation.id, stem + ("   " if last else "│  "), now, answer)


def row(operation: Operation, now: float, *, depth: int = 0, branch: str = "", answer: str = "") -> Row:
    """One operation, told in words."""
    tone: Tone = _TONES[operation.status]
    if tone == "running" and operation.type in ("WAIT", "CALLBACK", "CHAINED_INVOKE"):
        tone = "waiting"
    return Row(
        id=operation.id,
        depth=depth,
        branch=branch,
        sign=_SIGNS[tone],
        name=operation.name or f"({operation.id[:8]})",
        kind=_kind(operation),
        state=_state(operation),
        attempts=_attempts(operation),
        elapsed=_elapsed(operation, now),
        detail=_detail(operation, now),
        hint=_hint(operation, answer),
        tone=tone,
    )


def fit(all_rows: Sequence[Row], height: int) -> tuple[list[Row], int]:
    """As many rows as there is room for, and how many were left out: first the oldest that are done."""
    excess = max(0, len(all_rows) - max(1, height))
    left_out: set[int] = set()
    for tone in ("done", "ended", "failed", "waiting", "running"):
        for index, each in enumerate(all_rows):
            if len(left_out) == excess:
                break
            if each.tone == tone:
                left_out.add(index)
    return [each for index, each in enumerate(all_rows) if index not in left_out], excess


def lines(all_rows: Sequence[Row]) -> list[str]:
    """The tree as text in columns."""
    return columns([each.cells() for each in all_rows])


def columns(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of text whose columns stand below each other."""
    return ["  ".join(line).rstrip() for line in pad(cells)]


def pad(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells, each as wide as its column; a column that is empty is left out."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    kept = [index for index, width in enumerate(widths) if width]
    return [[line[index].ljust(widths[index]) for index in kept] for line in cells]


def plain_signs(text: str) -> str:
    """The text for a terminal that has ASCII only."""
    return text.translate(_PLAIN)


def answer_command(callback_id: str, answer: str = "") -> str:
    """The command that answers a callback."""
    return f"durable callback success {callback_id} --result JSON{answer}"


def duration(seconds: float) -> str:
    """A length of time for people: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 0 min`, `2 d 4 h`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller, small_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {small_unit}"
    return f"{whole} s"


def moment(timestamp: Timestamp, now: float) -> str:
    """A moment in local time, with the date unless it is today."""
    then = datetime.fromtimestamp(epoch_seconds(timestamp)).astimezone()
    today = datetime.fromtimestamp(now).astimezone()
    return then.strftime("%H:%M:%S" if then.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def error_text(error: ErrorObject | None) -> str:
    """`PaymentUnavailable: no answer`, on one line."""
    if error is None:
        return ""
    parts = [part for part in (error.error_type, error.error_message or error.error_data) if part]
    text = visible(" ".join(": ".join(parts).split()))
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def visible(text: str) -> str:
    """The text with its control characters shown instead of obeyed: what an error says is data."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


def error_of(operation: Operation) -> ErrorObject | None:
    """What is recorded of an operation's failure, whichever its type."""
    details = (
        operation.step_details
        or operation.context_details
        or operation.callback_details
        or operation.chained_invoke_details
    )
    return details.error if details else None


def _kind(operation: Operation) -> str:
    if operation.sub_type in (None, "Step", "Wait", "Callback", "ChainedInvoke", "RunInChildContext"):
        return operation.type.lower().replace("chained_", "")
    return operation.sub_type


def _state(operation: Operation) -> str:
    if operation.status in ("STARTED", "READY"):
        return "waiting" if operation.type in ("WAIT", "CALLBACK", "CHAINED_INVOKE") else "running"
    if operation.status == "PENDING":
        return "retrying"
    return operation.status.lower().replace("_", " ")


def _attempts(operation: Operation) -> str:
    if operation.type != "STEP":
        return ""
    ended = (operation.step_details or StepDetails()).attempt
    current = ended + 1 if operation.status in ("STARTED", "READY") else ended
    return f"attempt {current}" if current > 1 or operation.status == "PENDING" else ""


def _elapsed(operation: Operation, now: float) -> str:
    start = epoch_seconds(operation.start_timestamp)
    if not start:
        return ""
    end = now if operation.end_timestamp is None else epoch_seconds(operation.end_timestamp)
    return duration(max(0.0, end - start))


def _detail(operation: Operation, now: float) -> str:
    error = error_text(error_of(operation))
    if operation.type == "WAIT" and operation.status == "STARTED" and operation.wait_details:
        return _until("until", operation.wait_details.scheduled_end_timestamp, now)
    if operation.type == "CALLBACK" and operation.status == "STARTED":
        return "for an answer"
    if operation.status == "PENDING" and operation.step_details:
        again = _until("again at", operation.step_details.next_attempt_timestamp, now)
        return f"{again} after {error}" if error and again else error or again
    return error if operation.is_terminal and operation.status != "SUCCEEDED" else ""


def _until(words: str, timestamp: Timestamp | None, now: float) -> str:
    if timestamp is None:
        return ""
    left = epoch_seconds(timestamp) - now
    return f"{words} {moment(timestamp, now)}" + (f" (in {duration(left)})" if left > 0 else "")


def _hint(operation: Operation, answer: str) -> str:
    details = operation.callback_details
    if operation.type != "CALLBACK" or operation.status != "STARTED" or details is None or not details.callback_id:
        return ""
    return answer_command(details.callback_id, answer)

"""Operations as the rows of a tree: what the terminal shows, as values.

Pure: operations and the present moment go in, rows come out; no terminal, no clock, no colours but their names. `live`
paints the rows, `show` prints them, and the tests compare them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from durable_lambda.drawing.many import count, pick
from durable_lambda.drawing.words import (
    attempts_of,
    detail_of,
    elapsed_of,
    error_of,
    error_text,
    hint_of,
    kind_of,
    state_of,
)
from durable_lambda.protocol.operations import ExecutionStatus, Operation, OperationStatus

Tone: TypeAlias = Literal["done", "failed", "running", "waiting", "ended", "unfinished", "more"]

_SIGNS: Final[dict[Tone, str]] = {
    "done": "✓",
    "failed": "✗",
    "running": "●",
    "waiting": "◷",
    "ended": "■",
    "unfinished": "○",
    "more": "…",
}
_PLAIN: Final = str.maketrans(
    {"✓": "+", "✗": "x", "●": "*", "◷": "~", "■": "#", "○": "o", "│": "|", "├": "|", "└": "`", "─": "-", "…": "~"}
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
_NEWS_OF_MANY: Final = 100  # more that a count of many has to tell, to be news


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What holds for all rows of a tree."""

    children: dict[str | None, list[Operation]]
    now: float
    answer: str
    most: int | None


class Row(NamedTuple):
    """One operation, one line. `hint` is a second line: the command that answers what the operation waits for.

    A row that stands for many operations, because there are too many to draw, tells how many. One that is drawn of
    those is `one_of_many`, and so is what is below it.
    """

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
    many: int = 0
    one_of_many: bool = False

    def changed(self, before: Row | None) -> bool:
        """Whether it tells something new, beyond the time that has passed and a few more that are done."""
        if self.many:
            return self.many // _NEWS_OF_MANY != (before.many if before is not None else 0) // _NEWS_OF_MANY
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

    def standing(self, status: ExecutionStatus) -> View:
        """The same, of an execution that is paused, if its status says so: no operation of it tells that."""
        return self._replace(status=status.lower()) if status in ("PAUSING", "PAUSED") else self


def view(operations: Sequence[Operation], now: float, *, answer: str = "", most: int | None = None) -> View:
    """An execution, from all of its operations; the one of type EXECUTION tells how it stands.

    What had not ended when the execution did, or when its own context did, is told as not finished: nothing of it goes
    on, whatever its status says.
    """
    root = next(operation for operation in operations if operation.type == "EXECUTION")
    tree = rows(operations, now, answer=answer, most=most, is_over=root.is_terminal)
    return View(root.name or root.id, state_of(root), elapsed_of(root, now), tree, root.is_terminal)


def rows(
    operations: Sequence[Operation], now: float, *, answer: str = "", most: int | None = None, is_over: bool = False
) -> list[Row]:
    """The tree of an execution, children below their context, in the order of their start.

    `now` is in epoch seconds, on the engine's clock. `answer` is what a command that answers a callback ends with.
    Of more than `most` siblings some are drawn, and the rest is one row. `is_over`: whether the execution has ended.
    """
    known = {operation.id for operation in operations if operation.type != "EXECUTION"}
    children: dict[str | None, list[Operation]] = {}
    for operation in operations:
        if operation.id in known:
            parent = operation.parent_id if operation.parent_id in known else None
            children.setdefault(parent, []).append(operation)
    return list(_branch(_Drawing(children, now, answer, most), None, "", is_over=is_over))


def _branch(
    drawing: _Drawing, parent: str | None, stem: str, *, is_over: bool, one_of_many: bool = False
) -> Iterator[Row]:
    """What is below a parent. `is_over`: whether the parent has ended, so that nothing below goes on."""
    drawn, left_out = pick(drawing.children.get(parent, ()), drawing.most)
    one_of_many = one_of_many or bool(left_out)
    for index, operation in enumerate(drawn):
        last = index == len(drawn) - 1 and not left_out
        own = _row(operation, drawing, is_over=is_over)
        yield own._replace(depth=len(stem) // 3, branch=stem + ("└─ " if last else "├─ "), one_of_many=one_of_many)
        if not (left_out and own.tone == "done"):
            below, ended = stem + ("   " if last else "│  "), is_over or operation.is_terminal
            yield from _branch(drawing, operation.id, below, is_over=ended, one_of_many=one_of_many)
    if left_out:
        text = count(left_out, lambda operation: _row(operation, drawing, is_over=is_over).state)
        blank = Row(f"{parent} …", len(stem) // 3, stem + "└─ ", _SIGNS["more"], text, "", "", "", "", "", "", "more")
        yield blank._replace(many=len(left_out))


def _row(operation: Operation, drawing: _Drawing, *, is_over: bool) -> Row:
    """One operation, told in words."""
    now = drawing.now
    tone: Tone = _TONES[operation.status]
    if tone == "running" and operation.type in ("WAIT", "CALLBACK", "CHAINED_INVOKE"):
        tone = "waiting"
    is_unfinished = is_over and not operation.is_terminal
    if is_unfinished:
        tone = "unfinished"
    return Row(
        id=operation.id,
        depth=0,
        branch="",
        sign=_SIGNS[tone],
        name=operation.name or f"({operation.id[:8]})",
        kind=kind_of(operation),
        state="not finished" if is_unfinished else state_of(operation),
        attempts=attempts_of(operation),
        elapsed="" if is_unfinished else elapsed_of(operation, now),
        detail=error_text(error_of(operation)) if is_unfinished else detail_of(operation, now),
        hint="" if is_unfinished else hint_of(operation, drawing.answer),
        tone=tone,
    )


def fit(all_rows: Sequence[Row], height: int) -> tuple[list[Row], int]:
    """As many rows as there is room for, and how many were left out: first the oldest that are done."""
    excess = max(0, len(all_rows) - max(1, height))
    left_out: set[int] = set()
    for tone in ("done", "ended", "unfinished", "failed", "waiting", "running", "more"):
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

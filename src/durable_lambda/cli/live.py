"""Showing an execution while it runs: a tree that is redrawn in place, or one line a change where there is no terminal.

The command that answers a callback is printed once, above the tree and unbroken, so that it can be copied. What user
code prints or logs meanwhile goes above the tree as well.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Final, Protocol, Self, TextIO, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from durable_lambda.drawing.many import MOST, most_for
from durable_lambda.drawing.tree import Row, Tone, View, fit, pad, plain_signs

_STYLES: Final[dict[Tone, str]] = {
    "done": "green",
    "failed": "bold red",
    "running": "bold cyan",
    "waiting": "yellow",
    "ended": "dim",
    "unfinished": "dim",
    "more": "dim",
}
_STATUS_STYLES: Final = {"running": "cyan", "succeeded": "bold green"}
_LEFT_BEHIND: Final = 200  # lines of the tree that stay on the terminal; `durable show --all` has all
_ROOM_BELOW: Final = 4  # lines of the terminal kept for the heading and the prompt


class Display(Protocol):
    """Where an execution is shown."""

    redraw_after: float
    """Seconds after which to update even if nothing has changed, for the times that run."""

    @property
    def most(self) -> int:
        """How many of many siblings it has room for."""
        ...

    def update(self, view: View) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class TreeDisplay:
    """A tree on a terminal, redrawn in place; its last state stays there."""

    redraw_after = 0.2

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stderr=sys.stderr.isatty(),
            redirect_stdout=True,
        )
        self._view: View | None = None
        self._told: set[str] = set()
        self._handlers: list[logging.StreamHandler[TextIO]] = []

    @property
    def most(self) -> int:
        return most_for(self._console.height)

    def update(self, view: View) -> None:
        self._view = view
        for row in view.rows:
            if row.hint and row.id not in self._told:
                self._told.add(row.id)
                self._console.print(Text(hint_text(row), style="yellow"), soft_wrap=True)
        self._live.update(paint(view, height=self._console.height - _ROOM_BELOW), refresh=True)

    def __enter__(self) -> Self:
        self._handlers = _terminal_handlers()
        self._live.start()
        self._follow_stderr()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._follow_stderr()
        if self._view is not None:
            self._console.print(paint(self._view, height=_LEFT_BEHIND))

    def _follow_stderr(self) -> None:
        """Log to what `sys.stderr` is now: while the tree is shown, a stream that prints above it."""
        for handler in self._handlers:
            handler.setStream(sys.stderr)


class LineDisplay:
    """One line for each change, for a log file or a pipe.

    Of many siblings it tells failures, retries and callbacks, and now and then how many are done.
    """

    redraw_after = 60.0
    most = MOST

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._before: dict[str, Row] = {}
        self._status: str | None = None

    def update(self, view: View) -> None:
        if self._status is None:
            self._write(view.heading())
        for row in view.rows:
            is_last_count = row.many > 0 and view.has_ended
            if _is_news(row) and (is_last_count or row.changed(self._before.get(row.id))):
                clock = datetime.now().astimezone().strftime("%H:%M:%S")
                self._write(f"{clock}  {'  ' * row.depth}{row.label()}  {row.facts()}".rstrip())
                if row.hint:
                    self._write(hint_text(row))
            self._before[row.id] = row
        if self._status not in (None, view.status):
            self._write(view.heading())
        self._status = view.status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put back."""


def _is_news(row: Row) -> bool:
    """Whether a change of it is worth a line: of many, that one runs or is done is not."""
    return not row.one_of_many or bool(row.hint) or row.tone == "failed" or row.state == "retrying"


def display_for(stream: TextIO) -> Display:
    """A tree if the stream is a terminal that can show it, lines if it is not."""
    console = Console(file=stream, highlight=False)
    return TreeDisplay(console) if can_draw(console) else LineDisplay(line_writer(stream))


def can_draw(console: Console) -> bool:
    """Whether a tree can be drawn in place: on a terminal that moves its cursor and knows Unicode."""
    return console.is_terminal and not console.is_dumb_terminal and _knows_unicode(console.encoding)


def line_writer(stream: TextIO) -> Callable[[str], None]:
    """Writes lines at once, with what the stream cannot say replaced."""
    encoding = stream.encoding or "ascii"
    unicode = _knows_unicode(encoding)

    def write(line: str) -> None:
        if not unicode:
            line = plain_signs(line).encode(encoding, "replace").decode(encoding)
        stream.write(line + "\n")
        stream.flush()

    return write


def _knows_unicode(encoding: str) -> bool:
    return encoding.lower().replace("-", "").startswith("utf")


def paint(view: View, height: int = sys.maxsize) -> Group:
    """The tree as something that rich can draw, in at most `height` lines."""
    shown, left_out = fit(view.rows, height)
    lines = [Text(view.heading(), style=_STATUS_STYLES.get(view.status, "bold red"))]
    if left_out:
        lines.append(Text(f"   … {left_out} more", style="dim"))
    for row, cells in zip(shown, pad([each.cells() for each in shown]), strict=True):
        style = _STYLES[row.tone]
        line = Text("  ".join(cells).rstrip(), style="dim", no_wrap=True, overflow="ellipsis")
        line.stylize(style, len(row.branch), len(cells[0]))
        lines.append(line)
    return Group(*lines)


def hint_text(row: Row) -> str:
    """How to answer the callback of a row."""
    return f"{row.name} waits for an answer. Give it, from another terminal, with:\n  {row.hint}"


def configure_logging() -> None:
    """Log to stderr from INFO on, unless the user's module has set up logging itself."""
    if not logging.root.handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")


def _terminal_handlers() -> list[logging.StreamHandler[TextIO]]:
    """The log handlers that write where the tree is drawn."""
    return [
        cast("logging.StreamHandler[TextIO]", handler)
        for handler in logging.root.handlers
        if getattr(handler, "stream", None) in (sys.stderr, sys.stdout)
    ]

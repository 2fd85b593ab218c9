"""How a command ends when it cannot do what it was asked: one line on stderr and an exit code, never a traceback.

0    done; for `run`: the execution succeeded
1    the execution failed, timed out or was stopped, or the other side refused
2    the command itself is wrong: usage, input, a file that is not there
130  interrupted with Ctrl-C; the execution can be resumed
143  ended by SIGTERM; the execution can be resumed
"""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143


class CommandError(Exception):
    """Raised anywhere below a command; `main` prints it and exits."""

    def __init__(self, message: str, exit_code: int = USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def refusal_exit_code(status: int) -> int:
    """The exit code for an error that the service, or an engine in its place, has answered with that HTTP status."""
    return USAGE if status in (400, 404) else FAILED


def first_line(error: BaseException) -> str:
    """An exception on one line: its type and text."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

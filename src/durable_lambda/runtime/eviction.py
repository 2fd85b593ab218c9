"""Takes code out of a thread that goes on whatever is raised in it.

A coroutine that ignores its cancellation can be left waiting. A thread cannot, where it is the one that Lambda called:
the invocation ends only when its code has. So the code is made to raise outside of the `try` that catches everything:
at the next line that it comes to, and again in each function that it is left to. Only a trace function can do that. It
is gone once it has raised; a profile function is not, and sets the next one.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any


class Eviction:
    """Of the code that the calling thread runs, up to the function that is its end.

    Args:
        error: What is raised in it.
        end: What called the code. Its callers are not concerned.
    """

    def __init__(self, error: BaseException, end: CodeType) -> None:
        self._error = error
        self._former = sys.gettrace(), sys.getprofile()
        self._evicted: set[FrameType] = set()
        """Calls of the code's functions that are under way; what they call from now on is not concerned."""
        frame = inspect.currentframe()
        while frame is not None and frame.f_code is not end:
            if not frame.f_globals.get("__name__", "").startswith("durable_lambda."):
                self._evicted.add(frame)
            frame = frame.f_back
        self._trace_all()
        sys.setprofile(self._profile)

    def over(self) -> None:
        """The code has ended: the thread has the trace and profile functions that it had before."""
        trace, profile = self._former
        sys.setprofile(profile)
        sys.settrace(trace)
        self._evicted.clear()

    def _trace_all(self) -> None:
        for frame in self._evicted:
            frame.f_trace = self._trace
        sys.settrace(_trace_nothing)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            raise self._error
        return self._trace

    def _profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "return" and frame in self._evicted:
            self._evicted.remove(frame)
            self._trace_all()


def _trace_nothing(frame: FrameType, event: str, argument: object) -> None:
    """Of functions that are called from now on."""


def confined(code: Callable[[], object]) -> None:
    """Call code that may be evicted. An `except` that is left by a trace function may leave its exception set as the
    one that is being handled; in a generator that ends with it."""
    for _ in _call(code):
        pass


def _call(code: Callable[[], object]) -> Iterator[None]:
    code()
    yield

"""What stands in for a step's body, or for a function that is invoked, as a test has said.

A stub has outcomes that follow one another, call by call; the last one stays. An outcome is a value, an exception (an
instance or a class) that is raised, or a callable, which is called with what the body would have been called with.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast

from durable_lambda.testing.checked import meant


class Stub:
    """The outcomes of one name."""

    def __init__(self, what: str, name: str, outcomes: tuple[Any, ...], *, optional: bool) -> None:
        self.what = what
        """`step` or `invoke`."""
        self.name = name
        self.outcomes = outcomes
        self.optional = optional
        self.calls: list[tuple[Any, ...]] = []
        """The arguments of each call."""

    def again(self) -> Stub:
        """The same, not called yet."""
        return Stub(self.what, self.name, self.outcomes, optional=self.optional)

    def outcome(self, *args: Any) -> Any:
        """The next outcome: returned or raised; may be awaitable where a callable gave it."""
        self.calls.append(args)
        outcome = self.outcomes[min(len(self.calls), len(self.outcomes)) - 1]
        if isinstance(outcome, BaseException):
            raise outcome
        if isinstance(outcome, type) and issubclass(cast("type[object]", outcome), BaseException):
            raise cast("type[BaseException]", outcome)
        return outcome(*args) if callable(cast("object", outcome)) else outcome

    async def aoutcome(self, *args: Any) -> Any:
        """`outcome`, awaited if need be."""
        outcome = self.outcome(*args)
        return await outcome if inspect.isawaitable(outcome) else outcome

    def in_place_of(self, fn: Callable[..., Any], *, is_async: bool) -> Callable[..., Any]:
        """A body like `fn`, with this stub's outcomes."""
        if is_async:
            return self.aoutcome
        return self.outcome


def unused(stubs: Iterable[Stub], called: dict[str, list[str]]) -> str:
    """What to say of stubs that were never called; empty if all were.

    Args:
        stubs: All of them.
        called: The names of the steps and of the functions that the run did call, by what they are.
    """
    lines: list[str] = []
    for stub in stubs:
        if stub.calls or stub.optional:
            continue
        names = called.get(stub.what, [])
        what = "a step" if stub.what == "step" else "a function that is invoked"
        hint = meant(stub.name, names)
        known = ", ".join(map(repr, dict.fromkeys(names))) or "none"
        lines.append(f"the stub {stub.name!r} was never called{hint} It stands for {what}; the run called: {known}.")
    if lines:
        lines.append("(A stub that need not be called: stub_…(…, optional=True).)")
    return "\n".join(lines)

"""Hooks that remember what they were told."""

from __future__ import annotations

from typing import Any

from durable_lambda import (
    Hooks,
    InvocationEnd,
    InvocationStart,
    OperationChange,
    OperationEnd,
    OperationStart,
    UserFunctionEnd,
    UserFunctionStart,
)

Told = InvocationStart | OperationStart | OperationChange | UserFunctionStart


class Recorder(Hooks):
    """Keeps everything, in order."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def on_invocation_start(self, info: InvocationStart) -> None:
        self.told.append(info)

    def on_invocation_end(self, info: InvocationEnd) -> None:
        self.told.append(info)

    def on_operation_start(self, info: OperationStart) -> None:
        self.told.append(info)

    def on_operation_change(self, info: OperationChange) -> None:
        self.told.append(info)

    def on_operation_end(self, info: OperationEnd) -> None:
        self.told.append(info)

    def on_user_function_start(self, info: UserFunctionStart) -> None:
        self.told.append(info)

    def on_user_function_end(self, info: UserFunctionEnd) -> None:
        self.told.append(info)

    def of(self, kind: type[Any], name: str | None = None) -> list[Any]:
        """What is exactly of a type, and of an operation if its name is given."""
        return [info for info in self.told if type(info) is kind and (name is None or getattr(info, "name", 0) == name)]

    def only(self, kind: type[Any], name: str | None = None) -> Any:
        [found] = self.of(kind, name)
        return found

    def lines(self) -> list[str]:
        """The events but changes, each in a few words."""
        return [line(info) for info in self.told if not isinstance(info, OperationChange)]


def line(info: Told) -> str:
    words = [type(info).__name__, getattr(info, "name", None), getattr(info, "outcome", None)]
    return " ".join(word for word in words if word)


def fields(info: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(info, name) for name in names)

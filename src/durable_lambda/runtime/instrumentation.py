"""All hooks of a handler: OpenTelemetry, those that installed packages bring, and those that it was given.

In this order: so a span is current when the others are told of a start, and still is when they are told of the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from durable_lambda.runtime.hook_set import HookSet, checked_hooks
from durable_lambda.runtime.hooks import Hooks
from durable_lambda.runtime.tracing import OpenTelemetryHooks, hooks_for, provider_in_use

if TYPE_CHECKING:
    from durable_lambda.runtime.invocation import Invocation
    from durable_lambda.runtime.observer import Observer


class Instrumentation:
    """The hooks of one handler, and what is made of them in each invocation.

    Args:
        hooks: As `hooks=` of a handler takes them.

    Raises:
        ValidationError: They are no hooks.
    """

    def __init__(self, hooks: Hooks | Iterable[Hooks] | None = None) -> None:
        self._given = checked_hooks(hooks)
        self._hooks: list[Hooks] | None = None
        self._provider: Any = None
        self._set: HookSet | None = None

    def observe(self, function: str, invocation: Invocation) -> Observer | None:
        """The observer of an invocation; `None` when there are no hooks."""
        hooks = self._current()
        if hooks is None:
            return None
        from durable_lambda.runtime.observer import Observer  # late: most functions have no hooks

        return Observer(hooks, function, invocation)

    def _current(self) -> HookSet | None:
        """The hooks now: a program may set its tracer provider at any time."""
        provider = provider_in_use()
        if self._hooks is None:
            self._hooks = self._all()
        elif provider is self._provider:
            return self._set
        self._provider = provider
        hooks = self._hooks
        if provider is not None and not any(isinstance(hook, OpenTelemetryHooks) for hook in hooks):
            hooks = [*hooks_for(provider), *hooks]
        self._set = HookSet(hooks) if hooks else None
        return self._set

    def _all(self) -> list[Hooks]:
        from durable_lambda.runtime.discovery import discovered  # late: at the first invocation, not at import

        return [*discovered(), *self._given]

"""All hooks of a handler: OpenTelemetry, those that installed packages bring, and those that it was given.

In this order: so a span is current when the others are told of a start, and still is when they are told of the end.
What hooks need is imported when there are some; a function without pays for this module alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_lambda.runtime.hook_set import HookSet
    from durable_lambda.runtime.hooks import Hooks
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
        self._given: tuple[Hooks, ...] = ()
        if hooks is not None:
            from durable_lambda.runtime.hook_set import checked_hooks

            self._given = checked_hooks(hooks)
        self._hooks: list[Hooks] | None = None
        """Those of packages and those that were given, once an invocation has asked."""
        self._provider: Any = None
        self._set: HookSet | None = None

    def observe(self, function: str, invocation: Invocation) -> Observer | None:
        """The observer of an invocation; `None` when there are no hooks."""
        hooks = self._current()
        if hooks is None:
            return None
        from durable_lambda.runtime.observer import Observer

        return Observer(hooks, function, invocation)

    def _current(self) -> HookSet | None:
        """The hooks now: a program may set its tracer provider at any time."""
        provider: Any = None
        if "opentelemetry.trace" in sys.modules:  # only then can a provider be set
            from durable_lambda.runtime.tracing import provider_in_use

            provider = provider_in_use()
        if self._hooks is not None and provider is self._provider:
            return self._set
        if self._hooks is None:
            from durable_lambda.runtime.discovery import discovered

            self._hooks = [*discovered(), *self._given]
        self._set = _together(self._hooks, provider)
        self._provider = provider
        return self._set


def _together(hooks: list[Hooks], provider: Any) -> HookSet | None:
    """The hooks as one, and OpenTelemetry where the program uses it and they do not have it."""
    if provider is not None:
        from durable_lambda.runtime.tracing import OpenTelemetryHooks, hooks_for

        if not any(isinstance(hook, OpenTelemetryHooks) for hook in hooks):
            hooks = [*hooks_for(provider), *hooks]
    if not hooks:
        return None
    from durable_lambda.runtime.hook_set import HookSet

    return HookSet(hooks)

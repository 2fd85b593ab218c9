"""Hooks that are called together: in order, shielded from the function, and the function from them.

Which methods a hook overrides is looked up once, so an event costs as many calls as there are hooks that want it. While
hooks run no durable function does (`CURRENT` is empty): an operation that a hook calls is refused, and a task that it
creates takes no operation ids and keeps no invocation awake.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from durable_lambda.errors import ValidationError
from durable_lambda.loop import CURRENT
from durable_lambda.runtime.hooks import Hooks

EVENTS: Final = tuple(name for name in vars(Hooks) if name.startswith("on_"))

_PASSES: Final = (KeyboardInterrupt, SystemExit, GeneratorExit)

_log = logging.getLogger("durable_lambda")


class HookSet:
    """The hooks of a handler, ready to be told."""

    __slots__ = ("_methods", "_reported")

    def __init__(self, hooks: Sequence[Hooks]) -> None:
        self._methods = {event: _methods(hooks, event) for event in EVENTS}
        self._reported: set[tuple[int, str]] = set()

    def wants(self, *events: str) -> bool:
        """Whether any hook overrides one of these methods."""
        return any(self._methods[event] for event in events)

    def tell(self, event: str, info: Any) -> None:
        """Call a method of each hook that has one of its own. Raises what asks the process or the coroutine to end."""
        methods = self._methods[event]
        if not methods:
            return
        token = CURRENT.set(None)
        try:
            for method in methods:
                try:
                    method(info)
                except _PASSES:
                    raise
                except BaseException:  # a CancelledError too: nobody cancels a plain function, so it is the hook's own
                    self._report(method, event)
        finally:
            CURRENT.reset(token)

    def _report(self, method: Callable[[Any], None], event: str) -> None:
        hook = getattr(method, "__self__", method)
        if (id(hook), event) in self._reported:
            return
        self._reported.add((id(hook), event))
        _log.exception(
            "%s of hook %s raised; the function goes on, and further errors of this method are not logged",
            event,
            type(hook).__qualname__,
        )


def checked_hooks(hooks: Hooks | Iterable[Hooks] | None) -> tuple[Hooks, ...]:
    """What was given as `hooks=`, as a tuple. Raises `ValidationError` for what are no hooks."""
    if hooks is None:
        return ()
    if isinstance(hooks, Hooks):
        hooks = (hooks,)
    if isinstance(hooks, (str, bytes, type)) or not isinstance(hooks, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _no_hook(hooks)
    return tuple(checked_hook(hook) for hook in hooks)


def checked_hook(hook: object) -> Hooks:
    """The hook. Raises `ValidationError` when it is none, or one of its methods is no plain `def`."""
    if not isinstance(hook, Hooks):
        raise _no_hook(hook)
    for event in EVENTS:
        method = getattr(hook, event)
        if inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
            raise ValidationError(
                f"{type(hook).__qualname__}.{event} must be a plain `def`: hooks are not awaited; hand slow work to a "
                "thread and collect it in on_invocation_end"
            )
    return hook


def _no_hook(found: object) -> ValidationError:
    if isinstance(found, type) and issubclass(found, Hooks):
        return ValidationError(f"hooks= takes instances: {found.__qualname__}(), not the class {found.__qualname__}")
    return ValidationError(
        f"hooks= takes an instance of a subclass of durable_lambda.Hooks, or several in a list, not {found!r}"
    )


def _methods(hooks: Sequence[Hooks], event: str) -> tuple[Callable[[Any], None], ...]:
    """The methods that are not the class's own, in the order of their calls."""
    default = getattr(Hooks, event)
    own = [hook for hook in hooks if getattr(getattr(hook, event), "__func__", None) is not default]
    if event.endswith("_end"):
        own.reverse()
    return tuple(getattr(hook, event) for hook in own)

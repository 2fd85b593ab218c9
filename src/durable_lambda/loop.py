"""An asyncio event loop that knows, for each group of tasks, whether anything of it is ready to run.

A durable invocation is suspended at the moment when nothing of it can go on. Polling for that moment, or waiting for
things to settle, would cost time in every invocation; so the loop counts. A *strand* is the place of one asyncio task
in its *group* (an invocation): it travels in a context variable, the task factory forks it for each task that a task
creates, and `call_soon` counts the callbacks of its group. When the last one has run, the group is told.

This is a mechanism only. It knows nothing of durable functions, and lies below both the SDK, which decides what a
settled group means, and the engine, which runs many invocations on one such loop.
"""

from __future__ import annotations

import asyncio
from asyncio import Handle
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Group(Protocol):
    """Tasks that belong together."""

    ready: int
    """Callbacks of the group that the loop has yet to run. Kept by the loop."""

    def interrupted(self, error: BaseException) -> None:
        """A callback of the group raised `SystemExit` or `KeyboardInterrupt`: it is the group's end, not the loop's."""
        ...

    def settled(self) -> None:
        """The last of them has run. Called on the loop; must not raise."""
        ...


class Strand(Protocol):
    """The place of one task in its group."""

    @property
    def group(self) -> Group: ...

    def fork(self, coro: object) -> Strand:
        """The strand of a task that this one creates to run `coro`; may be the strand itself."""
        ...

    def runs(self, coro: Any) -> Any:
        """What the task of this strand is to run: `coro`, or something around it."""
        ...

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """The task that was created for this strand."""
        ...


CURRENT: ContextVar[Strand | None] = ContextVar("durable_lambda_strand", default=None)
"""The strand of the running code; `None` outside every group."""


class InvocationLoop(asyncio.SelectorEventLoop):
    """The loop on which invocations run, any number of them at once."""

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(_create_task)
        self.elsewhere = 0
        """Bodies under way on threads: work that the loop itself does not see."""

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Handle:  # type: ignore[override]  # typeshed types it by TypeVarTuple
        strand = CURRENT.get() if context is None else context.get(CURRENT)
        if strand is None:
            return super().call_soon(callback, *args, context=context)
        group = strand.group
        group.ready += 1
        handle = _CountedHandle(callback, args, self, context, group)
        self._ready.append(handle)  # type: ignore[attr-defined]  # the queue that `BaseEventLoop.call_soon` fills
        return handle

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        # Collected whenever it pleases the collector, in whichever task is running: no business of that task's group.
        self._asyncgens.discard(agen)  # type: ignore[attr-defined]  # kept by `BaseEventLoop`
        if not self.is_closed():
            self.call_soon_threadsafe(self.create_task, agen.aclose(), context=Context())


class working_elsewhere:  # noqa: N801  # for `with`
    """What the loop waits for is done on a thread meanwhile. A class: `contextmanager` assigns to what is raised."""

    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        count_elsewhere(self._loop, 1)

    def __exit__(self, *_: object) -> None:
        count_elsewhere(self._loop, -1)


def count_elsewhere(loop: asyncio.AbstractEventLoop, change: int) -> None:
    """One more (1) or one less (-1) of what a thread does for the loop."""
    if isinstance(loop, InvocationLoop):
        loop.elsewhere += change


class _CountedHandle(Handle):
    """A callback that is counted until it has run or was cancelled."""

    __slots__ = ("_group",)

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
        group: Group,
    ) -> None:
        super().__init__(callback, args, loop, context)
        self._group: Group | None = group

    def _run(self) -> None:
        group = self._group
        self._group = None
        try:
            super()._run()  # type: ignore[misc]  # every loop calls it
        except (SystemExit, KeyboardInterrupt) as error:
            if group is None:
                raise
            group.interrupted(error)
        if group is not None:
            group.ready -= 1
            if not group.ready:
                group.settled()

    def cancel(self) -> None:
        group = self._group
        if group is not None:
            self._group = None
            # The loop drops a cancelled handle without running it; an empty one in its place keeps the count true.
            self._loop.call_soon(_nothing, context=self._context)  # type: ignore[attr-defined]
            group.ready -= 1
        super().cancel()


def _nothing() -> None:
    """What is left of a cancelled callback."""


def _create_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
    *,
    context: Context | None = None,
    **options: Any,
) -> asyncio.Task[T]:
    strand = CURRENT.get() if context is None else context.get(CURRENT)
    if strand is None:
        return asyncio.Task(coro, loop=loop, context=context, **options)
    own = strand.fork(coro)
    context = copy_context() if context is None else context.copy()
    context.run(CURRENT.set, own)
    task = asyncio.Task(own.runs(coro), loop=loop, context=context, **options)
    own.adopt(task)
    return task

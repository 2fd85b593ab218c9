"""The native library's threads, and its futures awaited on an asyncio loop.

`asyncio.wrap_future` would cancel the library's future with the task that awaits it, and the library does not expect to
find a future of its own cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future
from functools import cache
from typing import TypeVar

from awscrt import io  # pyright: ignore[reportMissingTypeStubs]

T = TypeVar("T")


@cache
def bootstrap() -> io.ClientBootstrap:
    """What the library asks for credentials with, on one thread of its own; for this process."""
    group = io.EventLoopGroup(1)
    return io.ClientBootstrap(group, io.DefaultHostResolver(group))


async def result_of(source: Future[T]) -> T:
    """What the future gives or raises. Whoever waits may be cancelled; what was begun goes on without them."""
    if not source.done():
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()

        def wake(_: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_resolve, waiter)

        source.add_done_callback(wake)
        await waiter
    return source.result()


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)

"""The event loop of this process, on which invocations from outside (a Lambda handler's call) run.

It is ours and is kept for the life of the process, with the connections that were opened on it. A loop that is already
running in the calling thread (pytest-asyncio, Jupyter) is never borrowed: the invocation then runs on a loop of ours in
a thread of its own, and the caller blocks as in any other call of a plain function.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from durable_lambda.loop import InvocationLoop
from durable_lambda.runtime.host import HostedLoop

T = TypeVar("T")

_in_caller = threading.Lock()
_background_lock = threading.Lock()
_of_caller: list[HostedLoop] = []
_in_background: list[InvocationLoop] = []


def run(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, and return what it returns."""
    if asyncio._get_running_loop() is None and _in_caller.acquire(blocking=False):  # pyright: ignore[reportPrivateUsage]  # the public one raises
        try:
            return _run_here(coro)
        finally:
            _in_caller.release()
    return asyncio.run_coroutine_threadsafe(coro, _background_loop()).result()


def _run_here(coro: Coroutine[Any, Any, T]) -> T:
    if not _of_caller:
        _of_caller.append(HostedLoop())
    loop = _of_caller[0]
    task = loop.create_task(coro)
    try:
        return loop.host.run(task)
    except BaseException:
        if not task.done():  # Ctrl-C: end the invocation before its caller goes on
            task.cancel()
            loop.host.run(loop.create_task(asyncio.wait([task])))
        raise


def _background_loop() -> InvocationLoop:
    with _background_lock:
        if not _in_background:
            _in_background.append(InvocationLoop())
            threading.Thread(target=_in_background[0].run_forever, name="durable-invocations", daemon=True).start()
        return _in_background[0]

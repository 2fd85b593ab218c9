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

T = TypeVar("T")

_in_caller = threading.Lock()
_background_lock = threading.Lock()
_loops: dict[str, InvocationLoop] = {}


def run(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, and return what it returns."""
    if asyncio._get_running_loop() is None and _in_caller.acquire(blocking=False):  # pyright: ignore[reportPrivateUsage]  # the public one raises
        try:
            return _run_here(coro)
        finally:
            _in_caller.release()
    return asyncio.run_coroutine_threadsafe(coro, _background_loop()).result()


def _run_here(coro: Coroutine[Any, Any, T]) -> T:
    loop = _loops.get("caller")
    if loop is None:
        loop = _loops["caller"] = InvocationLoop()
    task = loop.create_task(coro)
    try:
        return loop.run_until_complete(task)
    except BaseException:
        if not task.done():  # Ctrl-C: end the invocation before its caller goes on
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
        raise


def _background_loop() -> InvocationLoop:
    with _background_lock:
        loop = _loops.get("background")
        if loop is None:
            loop = _loops["background"] = InvocationLoop()
            threading.Thread(target=loop.run_forever, name="durable-invocations", daemon=True).start()
        return loop

"""How the server, on its own loop, asks the engine, on its loop: hand over, wait, and give back the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from durable_lambda.engine.execution import Execution
from durable_lambda.engine.host import Host
from durable_lambda.engine.machine.records import ExecutionEnded
from durable_lambda.engine.store import ExecutionRow
from durable_lambda.engine.thread import EngineThread

T = TypeVar("T")


class Gateway:
    """To be used on the server's loop."""

    def __init__(self, thread: EngineThread) -> None:
        self._thread = thread

    async def ask(self, action: Callable[[Host], T]) -> T:
        """What `action` answers, when everything that it has seen and changed is stored."""
        return await asyncio.wrap_future(self._thread.ask(action, durably=True))

    async def peek(self, action: Callable[[Host], T]) -> T:
        """What `action` answers, without waiting for the disk: for what reads the store only."""
        return await asyncio.wrap_future(self._thread.ask(action))

    async def perform(self, action: Callable[[Host], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine answers, run on the engine's loop."""
        return await asyncio.wrap_future(self._thread.perform(action))

    async def end(self, row: ExecutionRow) -> ExecutionEnded:
        """How an execution ended, when it has."""
        return await Execution(self._thread, row).aend()

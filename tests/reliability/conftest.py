"""Processes to be killed, several at a time: most of their lives they wait for the disk or for a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from queue import SimpleQueue
from typing import TypeAlias, TypeVar

import pytest

from reliability.fork_server import ForkServer

T = TypeVar("T")
R = TypeVar("R")
InParallel: TypeAlias = Callable[[Callable[[ForkServer, T], R], Iterable[T]], list[R]]

SERVERS = 4


@pytest.fixture(scope="session")
def in_parallel() -> Iterator[InParallel[object, object]]:
    """Calls a function with a fork server and an item, for each item; gives the results in order."""
    idle: SimpleQueue[ForkServer] = SimpleQueue()
    with ExitStack() as servers, ThreadPoolExecutor(SERVERS) as threads:
        for _ in range(SERVERS):
            idle.put(servers.enter_context(ForkServer("reliability.victim")))

        def run(function: Callable[[ForkServer, T], R], item: T) -> R:
            server = idle.get()
            try:
                return function(server, item)
            finally:
                idle.put(server)

        yield lambda function, items: list(threads.map(lambda item: run(function, item), items))

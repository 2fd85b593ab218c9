"""A thread that runs a loop, and the code of a `def` handler in turn with it.

Waking another thread costs more than everything else in a step. So where a handler is called in a thread of its own
(Lambda does that), that thread does both: it runs the loop while the code waits for something, and the code otherwise.
Code that takes long must not keep the loop from its work, so a second thread, the keeper, looks after the loop then.
Whoever has the turn runs the loop; nobody else touches it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Final, TypeVar

from durable_lambda.loop import InvocationLoop

T = TypeVar("T")

PATIENCE: Final = 0.05
"""Seconds that code runs before the keeper takes the loop."""

_IDLE_LOOKS: Final = 20
"""How often the keeper looks, and finds no code running, before it sleeps until there is some."""


class Host:
    """The thread that calls `run`, and its loop. Each method tells where it may be called."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.patience = PATIENCE
        """Seconds that code runs before the keeper takes the loop."""
        self._work: deque[tuple[Callable[[], object], Callable[[], object]]] = deque()
        self._plain = Context()  # callbacks in it belong to no invocation
        self._turn = threading.RLock()
        self._is_wanted = False
        self._code_since: float | None = None
        self._keeper: threading.Thread | None = None
        self._code_runs = threading.Event()
        self._hurry = threading.Event()
        self._interruption: BaseException | None = None
        """What was raised where it could not be let through: while the thread took the turn, or in the keeper."""

    def run(self, task: asyncio.Task[T]) -> T:
        """In the thread: run the loop, and the code that is handed over meanwhile, until a task is done.

        Raises what the task raises, or else what interrupted the loop: `KeyboardInterrupt`, `SystemExit`.
        """
        task.add_done_callback(self.stop)
        self.take_turn()
        try:
            while not task.done():
                self.run_loop()
                while self._work:
                    work, then = self._work.popleft()
                    self.run_code(work)
                    self.loop.call_soon(then, context=self._plain)
        finally:
            self._work.clear()  # handed over for a task that was given up
            self._release()
            task.remove_done_callback(self.stop)
        self._raise_interruption()
        return task.result()

    def hand_over(self, work: Callable[[], object], then: Callable[[], object]) -> None:
        """On the loop: have the thread run some code, once it has the turn, and the loop call `then` when it has."""
        self._work.append((work, then))
        self.loop.stop()

    def stop(self, _: object = None) -> None:
        """On the loop: let it stop, so that the thread looks what there is to do."""
        self.loop.stop()

    def run_loop(self) -> None:
        """In the thread, which has the turn: run the loop until it is stopped; that may be at once, for no reason."""
        self._raise_interruption()
        self.loop.run_forever()

    def run_code(self, work: Callable[[], object]) -> None:
        """In the thread, which has the turn: run code, and let the keeper have the turn meanwhile."""
        try:
            self.give_turn()
            work()
        finally:
            self.take_turn()

    def take_turn(self) -> None:
        """In the thread: the loop is its own from now on. Raises nothing: who calls it has to give the turn again."""
        while True:
            try:
                self._acquire()
                return
            except BaseException as error:  # a signal came, most likely while the keeper had the turn
                self._interruption = error

    def _acquire(self) -> None:
        self._code_since = None
        if not self._turn.acquire(blocking=False):
            self._is_wanted = True
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._turn.acquire()
        self._is_wanted = False

    def give_turn(self) -> None:
        """In the thread: code begins to run, or goes on. Raises what had to wait when the turn was taken."""
        self._release()
        self._code_since = time.monotonic()
        if not self._code_runs.is_set():
            self._code_runs.set()
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="durable-loop-keeper", daemon=True)
                self._keeper.start()
        self._raise_interruption()

    def _release(self) -> None:
        """Give the turn, however often it was taken: where a signal came between, that is not known."""
        try:
            while True:
                self._turn.release()
        except RuntimeError:  # this thread does not have it
            return

    def lend_turn(self) -> None:
        """In the thread, which has given the turn: let the keeper take it without waiting for its patience to end."""
        self._code_since = float("-inf")
        self._hurry.set()

    def _raise_interruption(self) -> None:
        if self._interruption is not None:
            error, self._interruption = self._interruption, None
            raise error

    # In the keeper

    def _keep(self) -> None:
        looks = 0
        while True:
            since = self._code_since
            if since is not None:
                looks = 0
                left = since + self.patience - time.monotonic()
                if left > 0:
                    self._hurry.wait(left)
                    self._hurry.clear()
                else:
                    self._stand_in(since)
                continue
            looks += 1
            if looks > _IDLE_LOOKS:
                self._code_runs.clear()
                if self._code_since is None:
                    self._code_runs.wait()
            self._hurry.wait(self.patience)
            self._hurry.clear()

    def _stand_in(self, since: float) -> None:
        """Run the loop until the thread wants it, if the code that ran since then is still running."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            while self._code_since == since and not self._is_wanted and self._interruption is None:
                self.loop.run_forever()
        except BaseException as error:  # `SystemExit` where no invocation takes it: the thread's, as if it had the turn
            self._interruption = error
        finally:
            self._turn.release()
        if self._interruption is not None:
            time.sleep(self.patience)  # until the thread has looked


class HostedLoop(InvocationLoop):
    """A loop whose thread runs code of `def` handlers too."""

    def __init__(self) -> None:
        super().__init__()
        self.host = Host(self)

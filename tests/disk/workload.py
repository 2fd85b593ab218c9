"""What runs on the simulated disk: the engine proper, with executions of every kind, on one thread and a jumping clock.

The host, the group commit, the timers, the invoker, the inbox and the store are the product's. What a user does is
done here on the host's loop, so that a run is the same each time: start executions, answer what callbacks are open,
stop one through the inbox of the file, wait for the ends. A user who is told that something was not stored does it
again. Run on a file that has some of it already, it goes on from there.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from disk.ledger import Ledger, WatchedStore
from drive import JumpingLoop
from durable_lambda.engine import SkippingClock, StoreError
from durable_lambda.engine.host import Host
from durable_lambda.engine.inbox import Inbox, Request
from durable_lambda.engine.invoker import Registration
from durable_lambda.engine.machine.limits import Limits
from durable_lambda.engine.mailbox import Mailbox
from durable_lambda.engine.requests import CallbackAnswer, answer_callback, start_execution
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.invocation import InvocationOutput
from durable_lambda.protocol.operations import ErrorObject
from scripted import Invocation, Script

NAME: Final = "orders.db"
End: TypeAlias = tuple[str, str | None]
"""How an execution ended: its status and its result."""
STUCK_SECONDS: Final = 120
"""Of the loop's clock, which jumps: after that, nothing will happen any more."""


@dataclass(frozen=True, slots=True)
class Order:
    """An execution, by its name. What it does is chosen by its kind."""

    name: str
    kind: str
    size: int = 10
    """Bytes of what its steps return."""


STANDARD: Final = (
    Order("plain-1", "plain"),
    Order("plain-2", "plain", 9_000),
    Order("flaky", "flaky"),
    Order("refused", "refused"),
    Order("stopped", "stopped"),
    Order("plain-3", "plain", 20_000),
)


def any_orders(seed: int) -> tuple[Order, ...]:
    """A workload by chance."""
    chance = random.Random(seed)
    kinds = ("plain", "plain", "flaky", "refused")
    orders = [
        Order(f"n{number}", chance.choice(kinds), int(10 ** chance.uniform(0, 4.8)))
        for number in range(chance.randrange(2, 8))
    ]
    return (*orders, Order("stopped", "stopped"))


@dataclass(slots=True)
class Run:
    """One life of an engine on a file, up to the end of all orders."""

    directory: Path
    ledger: Ledger
    orders: tuple[Order, ...] = STANDARD
    store_type: Callable[[str, Ledger], WatchedStore] = WatchedStore
    checkpoint_pages: int = 40
    """Of the WAL, after which SQLite moves them into the database: few, so that it happens while this runs."""
    life: int = 0
    """Each life on a file gives ids of its own."""
    ends: dict[str, End] = field(default_factory=dict[str, End])

    @property
    def path(self) -> str:
        return str(self.directory / NAME)

    def play(self) -> None:
        """Raises `StoreError` if the file cannot be opened, `TimeoutError` if the engine is stuck."""
        with _loop() as loop:
            loop.run_until_complete(self._live(loop))

    async def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        store = self.store_type(self.path, self.ledger)
        try:
            with suppress(sqlite3.Error):
                store._connection.execute(f"PRAGMA wal_autocheckpoint = {self.checkpoint_pages}")
            entropy = random.Random(self.life).randbytes
            # The store may fail for long: that is no reason to give an execution up.
            host = Host(store, SkippingClock(1_000_000), Limits(failed_invocations=1_000_000), loop, entropy)
            host.recover()
            inbox = Inbox(host)
            host.register(Registration("orders", Script(self._body), 86_400, 900.0, 10**12))
            try:
                async with asyncio.timeout(STUCK_SECONDS):
                    await self._use(host)
            finally:
                inbox.close()
                await host.close()
        finally:
            store.close()

    async def _use(self, host: Host) -> None:
        async with asyncio.TaskGroup() as users:
            desk = users.create_task(self._answer_callbacks(host))
            async with asyncio.TaskGroup() as customers:
                for half in (self.orders[::2], self.orders[1::2]):
                    for order in half:
                        customers.create_task(self._order(host, order))
                    await asyncio.sleep(1)
            desk.cancel()

    async def _order(self, host: Host, order: Order) -> None:
        payload = msgspec.json.encode({"name": order.name, "kind": order.kind, "size": order.size}).decode()

        async def start() -> str:
            row = start_execution(host, "orders", payload, order.name)
            await host.commit.wait()
            return row.id

        execution_id = await self._insist(start)
        self.ledger.tell("started", order.name)
        end = host.store.end(host.store.find(execution_id).key) if execution_id not in host.live else None
        if end is None:
            told: Future[Any] = Future()
            host.waiters.add(host.live[execution_id], told)
            if order.kind == "stopped":
                await self._stop(order.name)
            while not told.done():  # noqa: ASYNC110  # this loop's clock jumps
                await asyncio.sleep(1)
            end = told.result()
        self.ends[order.name] = (end.status, end.result)
        self.ledger.tell("ended", order.name, end.status)

    async def _stop(self, name: str) -> None:
        """As another process does it: a letter in the inbox, and a look at the answer."""
        request = msgspec.json.encode(Request("stop", name, error=ErrorObject("Stopped", "by hand")))

        async def post() -> int:
            with Mailbox(self.path) as mailbox:
                return mailbox.post(request)

        async def fetch() -> bytes | None:
            with Mailbox(self.path) as mailbox:
                return mailbox.fetch(number)

        number = await self._insist(post)
        while await self._insist(fetch) is None:  # noqa: ASYNC110  # as a client of a file does
            await asyncio.sleep(1)
        self.ledger.tell("ended", name, "STOPPED")

    async def _answer_callbacks(self, host: Host) -> None:
        while True:
            await asyncio.sleep(1)
            open_ones = [
                (hosted.row.name, operation)
                for hosted in host.live.values()
                for operation in hosted.state.operations.values()
                if operation.type == "CALLBACK" and operation.status == "STARTED" and hosted.row.name != "stopped"
            ]
            await asyncio.gather(*(self._answer(host, name, one.id, one) for name, one in open_ones))

    async def _answer(self, host: Host, name: str, key: str, operation: Any) -> None:
        with suppress(StoreError, ServiceError):
            answer_callback(host, CallbackAnswer(operation.callback_details.callback_id, True, '"paid"'))
            await host.commit.wait()
            self.ledger.tell("callback", name, key)

    @staticmethod
    async def _insist(action: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        while True:
            try:
                return await action()
            except (StoreError, sqlite3.Error):
                await asyncio.sleep(1)

    async def _body(self, run: Invocation) -> Any:
        name, kind, size = run.input["name"], run.input["kind"], run.input["size"]
        reserved = await self._step(run, name, "reserve", lambda: name[::-1] * (size // len(name)))
        await run.wait("pause", 60)
        if kind == "refused":
            return InvocationOutput("FAILED", error=ErrorObject("OutOfStock", name))
        if kind == "flaky":
            await self._step(run, name, "flaky", lambda: _fail_once("flaky" in run.operations), retry_in=30)
        answer = await run.callback("payment")
        shipped = await self._step(run, name, "ship", lambda: "s" * size)
        return [len(reserved), len(shipped), answer.callback_details.result]

    async def _step(self, run: Invocation, name: str, key: str, body: Callable[[], Any], **options: Any) -> Any:
        is_known = key in run.operations and run.operations[key].status == "SUCCEEDED"

        def noted() -> Any:
            self.ledger.ran.append((name, key))
            return body()

        value = await run.step(key, noted, **options)
        if not is_known:
            self.ledger.tell("step", name, key)
        return value


def _fail_once(has_failed: bool) -> str:
    if not has_failed:
        raise ValueError("the first attempt")
    return "the second"


@contextmanager
def _loop() -> Iterator[JumpingLoop]:
    loop = JumpingLoop()
    try:
        yield loop
    finally:
        loop.close()

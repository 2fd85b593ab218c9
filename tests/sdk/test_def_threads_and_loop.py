"""The thread of a `def` handler, the loop, and the keeper: who has the turn, and what interrupts them.

Each test that a race could spoil makes the race happen: the parties wait for one another at the worst moment.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from drive import Execution
from durable_lambda import BackendError, DurableContext, Retry, SyncDurableContext
from durable_lambda.loop import InvocationLoop
from durable_lambda.protocol import operations as wire
from durable_lambda.runtime import bridge, checkpointer, host, process
from durable_lambda.runtime.host import Host, HostedLoop
from durable_lambda.runtime.journal import Journal
from recording import RecordingBackend

Make = Callable[..., Execution]
PATIENCE = 10  # seconds, for what is not to happen


class Noticing(RecordingBackend):
    """Does something, on the loop, when an update arrives."""

    def __init__(self, action: str, does: Callable[[], object]) -> None:
        super().__init__()
        self._action = action
        self._does = does

    async def checkpoint(self, arn: str, token: str, updates: Any, client_token: str | None = None) -> Any:
        if any(update.action == self._action for update in updates):
            self._does()
        return await super().checkpoint(arn, token, updates, client_token)


@pytest.fixture
def own_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host, with a keeper, for this test alone."""
    loop = HostedLoop()
    monkeypatch.setattr(process, "_of_caller", [loop])
    yield loop.host
    loop.close()


def two_steps(event: Any, ctx: SyncDurableContext) -> int:
    return ctx.step("one", lambda: 1, result_type=int) + ctx.step("two", lambda: 2, result_type=int)


def works() -> bool:
    return Execution(two_steps).result() == 3


# Slow code


@pytest.mark.parametrize("start_delay", [0, 0.01])
def test_the_start_of_a_slow_body_is_stored_while_it_runs(start_delay: float, execution_of: Make) -> None:
    stored = threading.Event()

    def handler(event: Any, ctx: SyncDurableContext) -> bool:
        return ctx.step("slow", stored.wait, PATIENCE)

    execution = execution_of(handler, backend=Noticing("START", stored.set), start_delay=start_delay)
    assert execution.result() is True
    assert [action for _, _, action in execution.sent] == ["START", "SUCCEED"]
    assert len(execution.calls) == 2


def test_without_a_delay_the_start_is_sent_before_the_body_begins(execution_of: Make) -> None:
    backend = RecordingBackend()

    def body() -> list[str]:
        return [f"{update.name} {update.action}" for update in backend.updates]

    def handler(event: Any, ctx: SyncDurableContext) -> list[list[str]]:
        return [ctx.step("one", body), ctx.step("two", body)]

    execution = execution_of(handler, backend=backend, start_delay=0)
    assert execution.result() == [["one START"], ["one START", "one SUCCEED", "two START"]]


def test_a_fast_step_is_one_call(execution_of: Make) -> None:
    execution = execution_of(two_steps)
    execution.result()
    assert len(execution.calls) == 2


def test_the_loop_is_looked_after_while_code_runs_that_is_no_step(execution_of: Make) -> None:
    """The marker of a patch is sent a moment later, whatever the code does meanwhile."""
    stored = threading.Event()

    def handler(event: Any, ctx: SyncDurableContext) -> bool:
        ctx.patched("change")
        return stored.wait(PATIENCE)

    assert execution_of(handler, backend=Noticing("SUCCEED", stored.set)).result() is True


def test_the_keeper_sleeps_when_there_is_no_code_and_wakes_when_there_is(
    own_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = threading.Event()

    class Telling(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            asleep.set()
            return super().wait(timeout)

    monkeypatch.setattr(host, "_IDLE_LOOKS", 0)
    own_host._code_runs = Telling()
    for _ in range(3):
        stored = threading.Event()
        execution = Execution(
            lambda event, ctx, stored=stored: ctx.step("slow", stored.wait, PATIENCE),
            backend=Noticing("START", stored.set),
            start_delay=0.01,
        )
        assert execution.result() is True
        assert asleep.wait(PATIENCE)
        asleep.clear()


def test_code_that_begins_as_the_keeper_goes_to_sleep_keeps_it_awake(
    own_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_to_sleep, has_begun, stored = threading.Event(), threading.Event(), threading.Event()

    class Racing(threading.Event):
        """The keeper is about to clear it, and the thread finds it still set."""

        def is_set(self) -> bool:
            if goes_to_sleep.is_set():
                has_begun.set()
            return super().is_set()

        def clear(self) -> None:
            goes_to_sleep.set()
            assert has_begun.wait(PATIENCE)
            super().clear()

    monkeypatch.setattr(host, "_IDLE_LOOKS", 0)
    own_host._code_runs = Racing()
    assert works()
    assert goes_to_sleep.wait(PATIENCE)
    execution = Execution(
        lambda event, ctx: ctx.step("slow", stored.wait, PATIENCE),
        backend=Noticing("START", stored.set),
        start_delay=0.01,
    )
    assert execution.result() is True


def test_a_start_that_goes_with_the_outcomes_of_another_branch_does_not_wait_for_those(execution_of: Make) -> None:
    may_begin, begun, stored = threading.Event(), threading.Event(), threading.Event()

    class Telling(RecordingBackend):
        async def checkpoint(self, arn: str, token: str, updates: Any, client_token: str | None = None) -> Any:
            if any(update.name == "slow" for update in updates):
                stored.set()
            return await super().checkpoint(arn, token, updates, client_token)

    def body() -> bool:
        begun.set()
        return stored.wait(PATIENCE)

    def slow(ctx: SyncDurableContext) -> bool:
        assert may_begin.wait(PATIENCE)
        return ctx.step("slow", body)

    def child(ctx: SyncDurableContext) -> None:
        ctx.step("inner", int)  # all that was held is sent
        may_begin.set()
        assert begun.wait(PATIENCE)

    def batched(ctx: SyncDurableContext) -> bool:
        with ctx.batch_checkpoints():
            ctx.run_in_child_context("child", child)  # its outcome is gathered, behind the START that is held
            return stored.wait(PATIENCE)

    execution = execution_of(
        lambda event, ctx: ctx.parallel("both", [slow, batched]).results(), backend=Telling(), start_delay=0.02
    )
    assert execution.result() == [True, True]


def test_gathered_outcomes_that_fill_a_call_are_sent_while_the_code_goes_on() -> None:
    loop = InvocationLoop()
    stored = threading.Event()

    def handler(event: Any, ctx: SyncDurableContext) -> bool:
        with ctx.batch_checkpoints():
            for number in range(200):
                ctx.step(f"step {number}", int)
            return stored.wait(PATIENCE)

    execution = Execution(handler, backend=Noticing("SUCCEED", stored.set), start_delay=1000, loop=loop)
    assert execution.result() is True
    assert len(execution.sent) == 400
    loop.close()


def test_gathered_outcomes_are_stored_when_the_handler_returns_within_the_block(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.batch_checkpoints().__enter__()
        ctx.step("work", int)

    execution = execution_of(handler)
    execution.result()
    assert execution.sent == [("STEP", "work", "START"), ("STEP", "work", "SUCCEED")]


def test_a_keeper_without_patience_takes_the_loop_at_every_moment_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpointer, "LEAST_PATIENCE", 0)
    interval = sys.getswitchinterval()

    def child(ctx: SyncDurableContext) -> int:
        return ctx.step("inner", int)

    def handler(event: Any, ctx: SyncDurableContext) -> int:
        for number in range(150):
            ctx.step(f"step {number}", int)
            if number % 10 == 0:
                ctx.run_in_child_context(f"child {number}", child)
        return sum(ctx.map("items", range(20), lambda item, ctx: child(ctx)).results())

    sys.setswitchinterval(1e-6)
    try:
        execution = Execution(handler, start_delay=0.0001)
        assert execution.result() == 0
        assert execution.result() == 0
    finally:
        sys.setswitchinterval(interval)
    assert works()


# Interruptions


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_in_a_body_while_the_keeper_has_the_turn() -> None:
    stored = threading.Event()

    def body() -> None:
        assert stored.wait(PATIENCE)  # sent by the keeper
        interrupt()

    execution = Execution(
        lambda event, ctx: ctx.step("slow", body), backend=Noticing("START", stored.set), start_delay=0.01
    )
    with pytest.raises(KeyboardInterrupt):
        execution.run()
    assert works()


def test_ctrl_c_while_the_thread_runs_the_loop() -> None:
    execution = Execution(two_steps, backend=Noticing("SUCCEED", interrupt))
    with pytest.raises(KeyboardInterrupt):
        execution.run()
    assert works()


def test_ctrl_c_while_the_thread_waits_for_the_turn(own_host: Host) -> None:
    """The keeper is in the middle of something when the body ends, and the signal comes before it is done."""
    stored = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def keep_the_turn() -> None:
        assert threading.get_ident() != main
        stored.set()
        while not own_host._is_wanted:  # the thread is on its way to wait for the turn
            pass
        signal.pthread_kill(main, signal.SIGINT)
        while own_host._interruption is None:  # it was waiting, and goes on waiting
            pass

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("slow", stored.wait, PATIENCE)

    execution = Execution(handler, backend=Noticing("START", keep_the_turn), start_delay=0.01)
    with pytest.raises(KeyboardInterrupt):
        execution.run()
    assert works()
    assert works()


def test_what_ends_the_process_in_the_keeper_is_raised_in_the_thread_and_the_keeper_goes_on(own_host: Host) -> None:
    left = threading.Event()

    def leave() -> None:
        left.set()
        sys.exit("no more")

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.step("slow", left.wait, PATIENCE)

    execution = Execution(handler, backend=Noticing("START", leave), start_delay=0.01)
    with pytest.raises(SystemExit, match="no more"):
        execution.run()
    keeper = own_host._keeper
    assert keeper is not None
    assert keeper.is_alive()
    stored = threading.Event()
    slow = Execution(
        lambda event, ctx: ctx.step("slow", stored.wait, PATIENCE),
        backend=Noticing("START", stored.set),
        start_delay=0.01,
    )
    assert slow.result() is True


def test_a_loop_that_stops_for_no_reason_is_run_again(own_host: Host) -> None:
    def stop() -> None:
        for _ in range(3):
            own_host.loop.stop()

    assert Execution(two_steps, backend=Noticing("SUCCEED", stop)).result() == 3


def test_code_whose_invocation_was_interrupted_before_it_began_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    hand_over = Host.hand_over

    def interrupted(self: Host, *work: Callable[[], object]) -> None:
        hand_over(self, *work)
        raise KeyboardInterrupt

    monkeypatch.setattr(Host, "hand_over", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Execution(lambda event, ctx: ran.append("stale")).run()
    monkeypatch.undo()
    assert works()
    assert ran == []


def test_code_that_was_handed_over_for_a_task_that_was_given_up_does_not_run_with_the_next(own_host: Host) -> None:
    ran: list[str] = []
    loop = own_host.loop

    async def given_up() -> None:
        loop.call_soon(own_host.hand_over, lambda: ran.append("stale"), loop.stop)
        loop.call_soon(interrupt)
        await asyncio.sleep(PATIENCE)

    task = loop.create_task(given_up())
    with pytest.raises(KeyboardInterrupt):
        own_host.run(task)
    task.cancel()
    own_host.run(loop.create_task(asyncio.wait([task])))
    assert ran == []


def test_an_end_that_comes_before_a_thread_has_begun_to_wait_is_not_missed(
    execution_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The branch is cut off after it asked whether it still counts, and before the loop hears what it wants."""
    asked, cut = threading.Event(), threading.Event()
    meet = bridge.CodeThread.meet
    interrupt = bridge.CodeThread.interrupt

    def late(self: Any, meeting: Any) -> None:
        if threading.current_thread().name == "durable-code" and self.invocation.places._taken > 1 and not cut.is_set():
            asked.set()
            assert cut.wait(PATIENCE)
        meet(self, meeting)

    def cut_off(self: Any) -> None:
        interrupt(self)
        cut.set()

    ended = threading.Event()

    def loser(ctx: SyncDurableContext) -> None:
        try:
            ctx.wait("never", 60)
        finally:
            ended.set()

    def winner(ctx: SyncDurableContext) -> None:
        assert asked.wait(PATIENCE)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.first("first", loser=loser, winner=winner)
        assert ended.wait(PATIENCE)

    monkeypatch.setattr(bridge.CodeThread, "meet", late)
    monkeypatch.setattr(bridge.CodeThread, "interrupt", cut_off)
    execution = execution_of(handler)
    execution.result()
    assert ("WAIT", "never", "START") not in execution.sent


def test_the_finally_of_a_branch_that_waits_is_waited_for(execution_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the thread is awake again before the loop has asked whether it was waiting."""
    awake, asked = threading.Event(), threading.Event()
    break_off = bridge.Meeting.break_off
    interrupt = bridge.CodeThread.interrupt

    def wake(self: Any) -> None:
        is_branch = self.operation is not None and self.operation.label == "wait 'pause'"
        break_off(self)
        if is_branch:
            assert awake.wait(PATIENCE)

    def ask(self: Any) -> None:
        interrupt(self)
        loops.append(self.invocation.loop)
        asked.set()

    loops: list[InvocationLoop] = []

    closed: list[str] = []

    def branch(ctx: SyncDurableContext) -> None:
        try:
            ctx.wait("pause", 60)
        finally:
            awake.set()
            assert asked.wait(PATIENCE)
            for _ in range(20):  # the loop has the time to go on without it
                turned = threading.Event()
                loops[0].call_soon_threadsafe(turned.set)
                assert turned.wait(PATIENCE)
            closed.append("closed")

    monkeypatch.setattr(bridge.Meeting, "break_off", wake)
    monkeypatch.setattr(bridge.CodeThread, "interrupt", ask)
    execution_of(lambda event, ctx: ctx.parallel("branches", [branch])).suspends()
    assert closed == ["closed"]


def test_an_operation_that_a_thread_replays_while_news_of_it_are_merged_is_called_all_the_same() -> None:
    """The loop has seen that the operation is not called yet; before it stores the news, a thread calls it."""
    started = wire.Operation("id", "STEP", "SUCCEEDED")
    journal = Journal([started])

    class CalledInBetween(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            journal.claim(key)
            super().__setitem__(key, value)

    journal.recorded = CalledInBetween(journal.recorded)
    journal.merge([started])
    assert journal.recorded == {}


def test_a_loop_that_is_closed_lets_the_thread_go() -> None:
    """Code that went on after its invocation, when the process ends."""
    loop = InvocationLoop()
    began, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    seen: list[str] = []

    def body() -> None:
        began.set()
        assert goes_on.wait(PATIENCE)

    def slow(ctx: SyncDurableContext) -> None:
        try:
            ctx.step("slow", body)
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        finally:
            ended.set()

    def quick(ctx: SyncDurableContext) -> None:
        assert began.wait(PATIENCE)

    Execution(lambda event, ctx: ctx.first("first", slow=slow, quick=quick)[0], loop=loop).result()
    loop.close()
    goes_on.set()
    assert ended.wait(PATIENCE)
    assert seen == ["Suspended"]


# Where a handler may be called


def in_threads(*calls: Callable[[], Any]) -> list[Any]:
    results: dict[int, Any] = {}
    threads = [
        threading.Thread(target=lambda number=number, call=call: results.update({number: call()}))
        for number, call in enumerate(calls)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [results[number] for number in range(len(calls))]


def test_a_handler_is_called_in_a_thread_that_is_not_the_main_one() -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> bool:
        return ctx.step("where", threading.get_ident) == threading.get_ident()

    assert in_threads(Execution(handler).result) == [True]


def test_several_threads_call_handlers_at_once() -> None:
    barrier = threading.Barrier(5)

    def blocking(event: Any, ctx: SyncDurableContext) -> int:
        ctx.step("meet", barrier.wait, PATIENCE)
        return sum(ctx.map("items", [1, 2, 3], lambda item, ctx: ctx.step("add", int, item)).results())

    async def awaiting(event: Any, ctx: DurableContext) -> int:
        await ctx.step("meet", barrier.wait, PATIENCE)
        return 6

    executions = [Execution(fn) for fn in (blocking, blocking, blocking, awaiting, awaiting)]
    assert in_threads(*(execution.result for execution in executions)) == [6] * 5


def test_a_handler_is_called_while_a_loop_runs_in_the_thread() -> None:
    async def main() -> int:
        return Execution(two_steps).result()

    assert asyncio.run(main()) == 3


@pytest.mark.parametrize("start_delay", [0, 0.05])
def test_a_handler_is_called_in_a_body_of_another(start_delay: float, execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> int:
        return ctx.step("other", Execution(two_steps).result)

    assert execution_of(handler, start_delay=start_delay).result() == 3


def test_a_handler_that_failed_to_reach_the_service_is_called_again(execution_of: Make) -> None:
    class Flaky(RecordingBackend):
        is_down = True

        async def checkpoint(self, *args: Any, **options: Any) -> Any:
            if self.is_down:
                raise OSError("no route")
            return await super().checkpoint(*args, **options)

    backend = Flaky()
    execution = execution_of(two_steps, backend=backend)
    for _ in range(3):
        with pytest.raises(BackendError):
            execution.run()
    backend.is_down = False
    assert execution.result() == 3


def test_two_hundred_invocations_leave_no_threads_behind(execution_of: Make) -> None:
    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.parallel("both", [lambda ctx: ctx.wait("pause", 60), lambda ctx: ctx.step("work", int)])
        ctx.step("flaky", int, retry=Retry.fixed(1))

    execution_of(handler).suspends()
    before = threading.active_count()
    for _ in range(100):
        execution = execution_of(handler)
        execution.suspends()
        execution.elapse()
        execution.result()
    assert threading.active_count() <= before + 4

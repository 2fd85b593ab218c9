"""Branches of a `def` handler run on threads of their own, and there are only so many of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import msgspec
import pytest

from drive import Execution
from durable_lambda import BackendError, Completion, SyncDurableContext
from durable_lambda.loop import InvocationLoop
from durable_lambda.runtime import bridge, company, threads
from recording import RecordingBackend

Make = Callable[..., Execution]
PATIENCE = 10  # seconds, for what is not to happen


def test_branches_run_side_by_side(execution_of: Make) -> None:
    barrier = threading.Barrier(3)

    def branch(ctx: SyncDurableContext) -> int:
        barrier.wait(PATIENCE)
        return ctx.step("where", threading.get_ident)

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        return ctx.parallel("branches", [branch] * 3).results()

    assert len(set(execution_of(handler).result())) == 3


def test_bodies_of_branches_run_side_by_side_in_the_threads_of_their_branches(execution_of: Make) -> None:
    barrier = threading.Barrier(3)

    def body() -> int:
        barrier.wait(PATIENCE)
        return threading.get_ident()

    def branch(number: int, ctx: SyncDurableContext) -> bool:
        return ctx.step("meet", body) == threading.get_ident()

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        return ctx.map("items", range(3), branch).results()

    assert execution_of(handler).result() == [True] * 3


def test_no_more_threads_run_branches_than_max_concurrency_says(execution_of: Make) -> None:
    lock = threading.Lock()
    running = most = 0

    def branch(number: int, ctx: SyncDurableContext) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        ctx.step("work", int)
        with lock:
            running -= 1

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.map("items", range(20), branch, max_concurrency=3)

    execution_of(handler).result()
    assert most <= 3


def test_max_concurrency_counts_branches_that_are_suspended(execution_of: Make) -> None:
    begun: list[int] = []

    def branch(number: int, ctx: SyncDurableContext) -> None:
        begun.append(number)
        ctx.wait("pause", 60)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.map("items", range(4), branch, max_concurrency=2)

    execution = execution_of(handler)
    execution.suspends()
    assert sorted(begun) == [0, 1]
    begun.clear()
    execution.elapse()
    execution.suspends()
    assert sorted(begun) == [0, 1, 2, 3]
    execution.elapse()
    execution.result()


def count_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many threads had code of an invocation at the same time, so far."""
    lock = threading.Lock()
    running = most = 0
    run = threads.run

    def counted(work: Callable[[], object], tell: Callable[[], object]) -> None:
        def count() -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            try:
                work()
            finally:
                with lock:
                    running -= 1

        run(count, tell)

    monkeypatch.setattr(threads, "run", counted)
    return lambda: most


def test_a_branch_begins_when_there_is_a_thread_for_it(execution_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "FIRST_PLACES", 2)  # one of them is the handler's
    begun: list[list[str | None]] = []

    def look() -> None:
        updates = execution.backend.updates
        begun.append(
            [update.name for update in updates if (update.sub_type, update.action) == ("MapIteration", "START")]
        )

    def branch(number: int, ctx: SyncDurableContext) -> None:
        ctx.step("look", look)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.map("items", range(3), branch, item_name=lambda _, index: f"item {index}")

    execution = execution_of(handler, start_delay=0)
    execution.result()
    assert begun == [["item 0"], ["item 0", "item 1"], ["item 0", "item 1", "item 2"]]


def test_a_call_has_the_updates_of_all_threads_and_the_outcomes_of_the_branches_before(
    execution_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "FIRST_PLACES", 5)  # one of them is the handler's
    monkeypatch.setattr(company, "GAP_SECONDS", PATIENCE)

    def branch(number: int, ctx: SyncDurableContext) -> int:
        return ctx.step("work", int)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.map("items", range(20), branch)

    execution = execution_of(handler)
    execution.result()
    assert [len(call) for call in execution.calls] == [1 + 4 * 3, 4 * 4, 4 * 4, 4 * 4, 4 * 4, 4 + 1]


def test_branches_that_do_not_wait_for_the_service_share_128_threads(
    execution_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = count_threads(monkeypatch)
    monkeypatch.setattr(threads, "_idle", [])
    before = threading.active_count()
    seen: list[int] = []

    def branch(number: int, ctx: SyncDurableContext) -> int:
        seen.append(threading.active_count())
        return ctx.step("work", int) + number

    def handler(event: Any, ctx: SyncDurableContext) -> int:
        return sum(ctx.map("items", range(300), branch).results())

    assert execution_of(handler).result() == sum(range(300))
    assert most() <= threads.FIRST_PLACES
    assert max(seen) <= before + threads.FIRST_PLACES + 1, "and one that looks after the loop"


def test_branches_that_all_wait_get_more_threads_up_to_a_bound_and_then_the_invocation_suspends(
    execution_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = count_threads(monkeypatch)

    def branch(number: int, ctx: SyncDurableContext) -> int:
        return ctx.callback_result(ctx.create_callback(f"callback {number}"), int)

    def handler(event: Any, ctx: SyncDurableContext) -> int:
        return sum(ctx.map("items", range(1500), branch, nesting="flat").results())

    execution = execution_of(handler)
    invocations = 0
    while execution.run()["Status"] == "PENDING":
        invocations += 1
        waiting = [each for each in execution.backend.operations.values() if each.type == "CALLBACK"]
        assert len(waiting) <= invocations * threads.MOST_PLACES
        for operation in waiting:
            if operation.status == "STARTED":
                execution.answer(operation.name, 1)
    assert execution.result() == 1500
    assert invocations == 3
    assert threads.FIRST_PLACES < most() <= threads.MOST_PLACES


def test_a_branch_that_can_go_on_is_not_kept_waiting_by_those_that_are_blocked(execution_of: Make) -> None:
    """So many branches hold a thread each and wait; one gets one more, and its work is done in this invocation."""
    done: list[int] = []

    def branch(number: int, ctx: SyncDurableContext) -> None:
        if number < threads.FIRST_PLACES:
            ctx.wait("pause", 60)
        else:
            ctx.step("work", done.append, number)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.map("items", range(threads.FIRST_PLACES + 1), branch)

    execution_of(handler).suspends()
    assert done == [threads.FIRST_PLACES]


def test_nested_batches_that_need_more_threads_than_there_are_end_with_an_error(
    execution_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "FIRST_PLACES", 4)
    monkeypatch.setattr(threads, "MOST_PLACES", 8)

    def leaf(number: int, ctx: SyncDurableContext) -> None:
        pass

    def nested(number: int, ctx: SyncDurableContext) -> None:
        ctx.map("inner", range(2), leaf)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.map("outer", range(20), nested)

    error = execution_of(handler).error()
    assert error["ErrorType"].endswith("ValidationError")
    assert "max_concurrency" in error["ErrorMessage"]


class NoThread:
    """In place of `threading.Thread`: the system has only so many."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self.left == 0:
            raise RuntimeError("can't start new thread")
        self.left -= 1
        return threading.Thread(*args, **options)


def test_a_system_that_gives_few_threads_has_the_branches_take_turns(
    execution_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_idle", [])
    monkeypatch.setattr(threads, "threading", type("few", (), {"Thread": NoThread(4)}))

    def branch(number: int, ctx: SyncDurableContext) -> int:
        return ctx.step("work", int) + number

    def handler(event: Any, ctx: SyncDurableContext) -> int:
        return sum(ctx.map("items", range(40), branch).results())

    assert execution_of(handler).result() == sum(range(40))


def test_a_system_that_gives_no_thread_at_all_breaks_the_invocation_off_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_idle", [])
    monkeypatch.setattr(threads, "threading", type("none", (), {"Thread": NoThread(0)}))
    loop = InvocationLoop()
    with pytest.raises(BackendError, match="no thread"):
        Execution(lambda event, ctx: None, loop=loop).run()
    loop.close()


# Failures and early decisions


def test_a_branch_that_fails_is_recorded_beside_the_others(execution_of: Make) -> None:
    def bad(ctx: SyncDurableContext) -> None:
        raise LookupError("no")

    def good(ctx: SyncDurableContext) -> int:
        return ctx.step("work", int)

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        both = ctx.parallel("both", [bad, good], completion=Completion.all_completed())
        return [[item.status, str(item.error)] for item in both]

    execution = execution_of(handler)
    first = execution.result()
    assert first == [["FAILED", "no"], ["SUCCEEDED", "None"]]
    assert execution.result() == first


def test_the_invocation_does_not_wait_for_the_body_of_a_loser_and_stores_nothing_of_it(execution_of: Make) -> None:
    began, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    after: list[str] = []

    def body() -> str:
        began.set()
        assert goes_on.wait(PATIENCE)
        return "too late"

    def slow(ctx: SyncDurableContext) -> None:
        try:
            ctx.step("slow", body)
            after.append("went on")
        except BaseException as error:
            after.append(type(error).__name__)
            raise
        finally:
            ended.set()

    def quick(ctx: SyncDurableContext) -> str:
        assert began.wait(PATIENCE)
        return ctx.step("quick", str, "done", result_type=str)

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        return list(ctx.first("first", slow=slow, quick=quick))

    execution = execution_of(handler)
    try:
        assert execution.result() == ["quick", "done"]
        sent = list(execution.sent)
        assert not ended.is_set()
    finally:
        goes_on.set()
    assert ended.wait(PATIENCE)
    assert after == ["Suspended"]
    assert ("STEP", "slow", "SUCCEED") not in execution.sent
    assert [update for call in execution.backend.calls for update in call][len(sent) :] == []


class SettableLoop(InvocationLoop):
    """A loop whose clock the test moves."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def test_what_a_loser_begins_as_the_invocation_ends_is_not_sent_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, over, ended = threading.Event(), threading.Event(), threading.Event()
    hold = bridge.CodeThread.hold

    def late(self: Any, update: Any, **options: Any) -> None:
        if update.type != "STEP":
            return hold(self, update, **options)
        reached.set()  # it was asked whether the step still counts: it did
        assert over.wait(PATIENCE)
        return hold(self, update, **options)

    def slow(ctx: SyncDurableContext) -> None:
        try:
            ctx.step("slow", int)
        finally:
            ended.set()

    def quick(ctx: SyncDurableContext) -> None:
        assert reached.wait(PATIENCE)

    def handler(event: Any, ctx: SyncDurableContext) -> None:
        ctx.first("first", slow=slow, quick=quick)

    monkeypatch.setattr(bridge.CodeThread, "hold", late)
    loop = SettableLoop()
    execution = Execution(handler, loop=loop, start_delay=100)
    execution.result()
    calls = len(execution.backend.calls)
    over.set()
    assert ended.wait(PATIENCE)
    for _ in range(3):  # whatever was to be sent a moment later is due
        loop.ahead += 1000
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert len(execution.backend.calls) == calls
    loop.close()


def test_a_loser_that_waits_for_the_service_is_let_go(execution_of: Make) -> None:
    left = threading.Event()
    waits = threading.Event()

    class Telling(RecordingBackend):
        async def checkpoint(self, arn: str, token: str, updates: Any, client_token: str | None = None) -> Any:
            if any(update.name == "never" for update in updates):
                waits.set()
            return await super().checkpoint(arn, token, updates, client_token)

    def slow(ctx: SyncDurableContext) -> None:
        try:
            ctx.wait("never", 60)
        finally:
            left.set()

    def quick(ctx: SyncDurableContext) -> str:
        ctx.step("until the other waits", waits.wait, PATIENCE)
        return "done"

    def handler(event: Any, ctx: SyncDurableContext) -> Any:
        winner = list(ctx.first("first", slow=slow, quick=quick))
        ctx.step("meanwhile", left.wait, PATIENCE)
        return winner

    execution = execution_of(handler, backend=Telling())
    assert execution.result() == ["quick", "done"]
    assert left.is_set()


def test_timeout_leaves_its_code_behind_and_goes_on(execution_of: Make) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def body() -> None:
        began.set()
        assert goes_on.wait(PATIENCE)

    def work(ctx: SyncDurableContext) -> None:
        ctx.step("slow", body)

    def handler(event: Any, ctx: SyncDurableContext) -> str:
        try:
            ctx.timeout("late", 5, work)
        except TimeoutError:
            return "too late"
        return "in time"

    class Timed(RecordingBackend):
        """The timer is over as soon as the body has begun."""

        async def checkpoint(self, arn: str, token: str, updates: Any, client_token: str | None = None) -> Any:
            answer = await super().checkpoint(arn, token, updates, client_token)
            timer = next((each for each in self.operations.values() if each.name == "timeout"), None)
            if timer is not None and timer.status == "STARTED":
                await asyncio.get_running_loop().run_in_executor(None, began.wait, PATIENCE)
                self.operations[timer.id] = msgspec.structs.replace(timer, status="SUCCEEDED")
                answer.new_execution_state.operations.append(self.operations[timer.id])
            return answer

    execution = execution_of(handler, backend=Timed())
    try:
        assert execution.result() == "too late"
    finally:
        goes_on.set()
    assert execution.result() == "too late"


def test_a_thread_is_kept_for_the_next_code_and_goes_when_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_idle", [])
    monkeypatch.setattr(threads, "IDLE_SECONDS", 60.0)
    ran = SimpleQueue[threading.Thread]()
    threads.run(int, lambda: ran.put(threading.current_thread()))
    thread = ran.get(timeout=PATIENCE)
    threads.run(lambda: monkeypatch.setattr(threads, "IDLE_SECONDS", 0.01), lambda: ran.put(threading.current_thread()))
    assert ran.get(timeout=PATIENCE) is thread
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert threads._idle == []

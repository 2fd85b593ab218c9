"""DBOS on SQLite with the settings that it comes with. Its workflows are `def`: faster here than its `async def`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter, sleep

from dbos import DBOS

from benchmarks.subjects import Load


def _configure(path: str) -> None:
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{path}",
            "application_version": "bench",
            "executor_id": "local",
            "log_level": "CRITICAL",
        }
    )


def run_load(path: str, executions: int, steps: int, between: Callable[[], float] | None = None) -> Load:
    """Run executions of so many steps, all at once. `between` is called after each step."""
    load = Load(0.0, [[] for _ in range(executions)])
    _configure(path)

    @DBOS.step()
    def body(number: int) -> int:
        return number

    @DBOS.workflow()
    def workflow(event: int) -> int:
        laps = load.laps[event]
        for number in range(steps):
            since = perf_counter()
            body(number)
            laps.append(perf_counter() - since)
            if between is not None:
                load.between.append(between())
        return steps

    DBOS.launch()
    began = perf_counter()
    started = [DBOS.start_workflow(workflow, number) for number in range(executions)]
    assert [handle.get_result() for handle in started] == [steps] * executions
    load.seconds = perf_counter() - began
    DBOS.destroy()
    return load


class Held:
    """Executions of which each does some steps, and then one that does not end before it is told to."""

    def __init__(self, path: str, executions: int, steps: int, effect: Callable[[str], None]) -> None:
        self._executions = executions
        self._entered = 0
        self._lock = threading.Lock()
        self._all_in = threading.Event()
        self._release = threading.Event()
        _configure(path)

        @DBOS.step()
        def step(execution: int, number: int) -> int:
            effect(f"{execution} {number}")
            return number

        @DBOS.step()
        def last() -> None:
            with self._lock:
                self._entered += 1
                if self._entered == executions:
                    self._all_in.set()
            self._release.wait()

        @DBOS.workflow()
        def workflow(event: int) -> int:
            for number in range(steps):
                step(event, number)
            last()
            return steps

        self._workflow = workflow
        self._steps = steps

    def hold(self) -> None:
        """Start them; returns when each is in its last step."""
        DBOS.launch()
        for number in range(self._executions):
            DBOS.start_workflow(self._workflow, number)
        self._all_in.wait()

    def resume(self) -> float:
        """Open the file again; the seconds until each is in its last step once more. Then let them end."""
        began = perf_counter()
        DBOS.launch()
        if not self._all_in.wait(120):
            raise TimeoutError(f"only {self._entered} workflows were resumed")
        took = perf_counter() - began
        self._release.set()
        for status in DBOS.list_workflows():
            assert DBOS.retrieve_workflow(status.workflow_id).get_result() == self._steps
        DBOS.destroy()
        return took


def wait_all(path: str, executions: int, seconds: int, then: Callable[[], None]) -> None:
    """Start workflows that sleep for so long; calls `then` when each of them does, and does not end by itself."""
    _configure(path)
    workflow = _sleeper(seconds)
    DBOS.launch()
    started = [DBOS.start_workflow(workflow, number) for number in range(executions)]
    for handle in started:
        while len(DBOS.list_workflow_steps(handle.workflow_id)) < _STEPS_OF_A_SLEEPER:
            sleep(0.01)
    then()


_STEPS_OF_A_SLEEPER = 2
"""One of its own, and the sleep, which is stored before it begins."""


def _sleeper(seconds: int) -> Callable[[int], None]:
    @DBOS.step()
    def before(number: int) -> int:
        return number

    @DBOS.workflow()
    def workflow(event: int) -> None:
        before(event)
        DBOS.sleep(seconds)

    return workflow


class Reader:
    """DBOS launched on a file that has workflows; those that have not ended go on."""

    def __init__(self, path: str) -> None:
        _configure(path)
        _sleeper(86_400)
        DBOS.launch()

    def page(self, limit: int) -> list[str]:
        """The ids of the newest workflows."""
        return [each.workflow_id for each in DBOS.list_workflows(limit=limit, sort_desc=True)]

    def read(self, name: str) -> object:
        """How one of them stands."""
        status = DBOS.get_workflow_status(name)
        assert status is not None
        return status.output if status.status == "SUCCESS" else status.status

"""From every state that an execution ever had it ends the same, whoever goes on with it: an `async def` or a `def`."""

from __future__ import annotations

from typing import Any

import pytest

from drive import Execution
from durable_lambda import BackendError
from prefixes import RememberingBackend, as_the_service_tells_it, go_on, same_at_every_prefix, to_the_end
from twins import ANSWERS, BY_HAND, Twins

SUCCEEDING = [twins for twins in BY_HAND if twins.name not in ("races", "fails")]
"""All but those whose history depends on who is first, or whose answer has the stack of an error."""


def ending(envelope: dict[str, Any]) -> dict[str, Any]:
    """An envelope without the stack of its error."""
    error = envelope.get("Error")
    return envelope if error is None else {**envelope, "Error": {**error, "StackTrace": None}}


@pytest.mark.parametrize("twins", SUCCEEDING, ids=str)
def test_a_def_handler_replays_every_prefix_of_its_history(twins: Twins) -> None:
    same_at_every_prefix(twins.blocking, ANSWERS)


@pytest.mark.parametrize("twins", SUCCEEDING, ids=str)
def test_a_def_handler_replays_every_prefix_when_each_start_is_sent_at_once(twins: Twins) -> None:
    same_at_every_prefix(twins.blocking, ANSWERS, start_delay=0)


@pytest.mark.parametrize("first", ["awaiting", "blocking"])
@pytest.mark.parametrize("twins", BY_HAND, ids=str)
def test_what_one_begins_the_other_finishes_from_every_state(twins: Twins, first: str) -> None:
    second = "blocking" if first == "awaiting" else "awaiting"
    begun = Execution(getattr(twins, first), backend=RememberingBackend())
    envelope = ending(to_the_end(begun, ANSWERS))
    assert isinstance(begun.backend, RememberingBackend)
    for state in [*begun.backend.states, dict(begun.backend.operations)]:
        for told in (state, as_the_service_tells_it(state)):
            other = Execution(getattr(twins, second), backend=RememberingBackend(told))
            assert ending(to_the_end(other, ANSWERS)) == envelope


@pytest.mark.parametrize("twins", BY_HAND, ids=str)
def test_handlers_that_take_turns_come_to_the_same(twins: Twins) -> None:
    alone = Execution(twins.awaiting)
    envelope = ending(to_the_end(alone, ANSWERS))
    execution = Execution(twins.blocking)
    turns = [twins.awaiting, twins.blocking]
    for number in range(50):
        answer = execution.run(turns[number % 2])
        if answer["Status"] != "PENDING":
            assert ending(answer) == envelope
            return
        go_on(execution, ANSWERS)
    raise AssertionError("it does not end")


class Crashing(RememberingBackend):
    """Ends the process, so to speak, at one of its calls: before or after the updates are stored."""

    def __init__(self, at: int, *, stores: bool) -> None:
        super().__init__()
        self._left = at
        self._stores = stores

    async def checkpoint(self, *args: Any, **options: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not self._stores:
            raise OSError("crash before the updates are stored")
        answer = await super().checkpoint(*args, **options)
        if self._left == 0:
            raise OSError("crash after the updates are stored")
        return answer


@pytest.mark.parametrize("stores", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("twins", BY_HAND, ids=str)
def test_a_crash_at_any_call_changes_nothing(twins: Twins, stores: bool) -> None:
    alone = Execution(twins.blocking)
    envelope = ending(to_the_end(alone, ANSWERS))
    calls = len(alone.backend.calls)
    for at in range(1, calls + 1):
        execution = Execution(twins.blocking, backend=Crashing(at, stores=stores))
        crashes = 0
        for _ in range(50):
            try:
                answer = execution.run()
            except BackendError:
                crashes += 1
                continue
            if answer["Status"] != "PENDING":
                break
            go_on(execution, ANSWERS)
        assert ending(answer) == envelope
        assert crashes <= 1


@pytest.mark.parametrize("twins", SUCCEEDING, ids=str)
def test_a_hundred_replays_have_one_outcome_and_send_nothing(twins: Twins) -> None:
    execution = Execution(twins.blocking)
    envelope = to_the_end(execution, ANSWERS)
    for _ in range(100):
        assert execution.run() == envelope
        assert execution.sent == []

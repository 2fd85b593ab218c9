"""`MockDurableContext`: a context for the unit test of one function, with the outcomes that the test wants.

`handler.fn(event, ctx)` is the plain function: with a mock context it runs wherever the test runs, on the test's own
loop or on none. What is prepared is replayed, as if the history had it; see `mock_script` for what is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from durable_lambda.testing.mock_contexts import MockContext, MockSyncContext
from durable_lambda.testing.mock_operations import DEFAULT_NOW, MockOperations, checked
from durable_lambda.testing.mock_script import Failure, Prepared, Recorder, Script


class MockDurableContext:
    """Prepares a mock context: what each operation has come to, by its name.

    ```python
    async def test_a_large_order_is_approved():
        ctx, recorder = (
            MockDurableContext()
            .with_step_result("validate", {"total": 2000})
            .with_callback("approval", "cb-1", {"approved": True})
            .build()
        )
        assert await handler.fn(order, ctx) == "approved"
        assert_operations(recorder, ["step:validate", "callback:approval"])
        assert_no_checkpoints(recorder)  # all of it was replayed
    ```

    Names are checked: while something prepared is left, an operation that is not prepared raises `MockMismatchError`,
    unless `with_run` allows it. Child contexts and branches run, and take what is prepared by name. When nothing is
    left, operations are carried out: bodies run, and what would suspend raises `Suspended`.

    An error is an exception, which is raised as it is, or the name of its type with a message.
    """

    def __init__(self) -> None:
        self._prepared: list[Prepared] = []
        self._now = DEFAULT_NOW
        self._patches: dict[str, bool] = {}

    # Steps

    def with_step_result(self, name: str, value: Any = None) -> MockDurableContext:
        """The step gives a value, and its body does not run."""
        return self._with("step", name, value=value)

    def with_step_error(
        self, name: str, error: Failure, message: str | None = None, *, data: str | None = None
    ) -> MockDurableContext:
        """The step raises, with no retry left."""
        return self._with("step", name, "FAILED", failure=error, message=message, data=data)

    def with_step_pending(self, name: str) -> MockDurableContext:
        """The step waits for its next attempt: `Suspended`."""
        return self._with("step", name, "PENDING")

    def with_run(self, name: str) -> MockDurableContext:
        """The operation of that name is carried out, although others are prepared."""
        return self._with("run", name)

    # Waits, callbacks, conditions, invokes

    def with_wait(self, name: str) -> MockDurableContext:
        """The wait is over."""
        return self._with("wait", name)

    def with_wait_pending(self, name: str) -> MockDurableContext:
        """The wait is not over: `Suspended`."""
        return self._with("wait", name, "STARTED")

    def with_callback(self, name: str, callback_id: str, result: Any = None) -> MockDurableContext:
        """The callback of `create_callback` or `wait_for_callback` was answered with a value."""
        return self._with("callback", name, value=result, callback_id=callback_id)

    def with_callback_error(
        self, name: str, callback_id: str, error: Failure, message: str | None = None
    ) -> MockDurableContext:
        """It was answered with a failure."""
        return self._with("callback", name, "FAILED", failure=error, message=message, callback_id=callback_id)

    def with_callback_timeout(self, name: str, callback_id: str) -> MockDurableContext:
        """No answer came in time."""
        return self._with("callback", name, "TIMED_OUT", failure="Callback.Timeout", callback_id=callback_id)

    def with_callback_pending(self, name: str, callback_id: str) -> MockDurableContext:
        """No answer has come yet: reading it raises `Suspended`."""
        return self._with("callback", name, "STARTED", callback_id=callback_id)

    def with_condition(self, name: str, state: Any) -> MockDurableContext:
        """The condition is met, with this state."""
        return self._with("wait_for_condition", name, value=state)

    def with_condition_error(self, name: str, error: Failure, message: str | None = None) -> MockDurableContext:
        """The condition's check failed, or it was not met in time."""
        return self._with("wait_for_condition", name, "FAILED", failure=error, message=message)

    def with_condition_pending(self, name: str) -> MockDurableContext:
        """The condition waits for its next check: `Suspended`."""
        return self._with("wait_for_condition", name, "PENDING")

    def with_invoke(self, name: str, result: Any = None) -> MockDurableContext:
        """The function that is invoked gave a value."""
        return self._with("invoke", name, value=result)

    def with_invoke_error(self, name: str, error: Failure, message: str | None = None) -> MockDurableContext:
        """It failed."""
        return self._with("invoke", name, "FAILED", failure=error, message=message)

    def with_invoke_timeout(self, name: str) -> MockDurableContext:
        """Its execution timed out."""
        return self._with("invoke", name, "TIMED_OUT")

    def with_invoke_stopped(self, name: str) -> MockDurableContext:
        """Its execution was stopped."""
        return self._with("invoke", name, "STOPPED")

    def with_invoke_pending(self, name: str) -> MockDurableContext:
        """It has not ended: `Suspended`."""
        return self._with("invoke", name, "STARTED")

    # Contexts

    def with_child_result(self, name: str, value: Any = None) -> MockDurableContext:
        """The child context (or `with_retry`, or `timeout`) gave a value, and its function does not run."""
        return self._with("child_context", name, value=value)

    def with_child_error(self, name: str, error: Failure, message: str | None = None) -> MockDurableContext:
        """It failed."""
        return self._with("child_context", name, "FAILED", failure=error, message=message)

    def with_map_result(self, name: str, results: Sequence[Any]) -> MockDurableContext:
        """The items of a `map` gave these; an exception among them is an item that failed."""
        return self._with("map", name, value=results)

    def with_parallel_result(self, name: str, results: Sequence[Any]) -> MockDurableContext:
        """The branches of a `parallel` gave these; an exception among them is a branch that failed."""
        return self._with("parallel", name, value=results)

    def with_first(self, name: str, key: str, result: Any = None) -> MockDurableContext:
        """The branch `key` of a `first` was first."""
        return self._with("first", name, value=(key, result))

    # What is deterministic

    def with_now(self, moment: datetime) -> MockDurableContext:
        """What `ctx.now()` gives. Default: 2025-01-01 00:00 UTC."""
        self._now = moment
        return self

    def with_patched(self, name: str, taken: bool) -> MockDurableContext:
        """What `ctx.patched(name)` gives. Default: `True`."""
        self._patches[name] = taken
        return self

    def build(self) -> tuple[MockContext, Recorder]:
        """A context for an `async def` handler, and what records its calls."""
        recorder = Recorder()
        return MockContext(self._operations(recorder, MockContext)), recorder

    def build_sync(self) -> tuple[MockSyncContext, Recorder]:
        """The same for a `def` handler."""
        recorder = Recorder()
        return MockSyncContext(self._operations(recorder, MockSyncContext)), recorder

    def _operations(self, recorder: Recorder, make: Callable[[MockOperations], Any]) -> MockOperations:
        script = Script(self._prepared, recorder)
        is_blocking = make is MockSyncContext
        return MockOperations(script, self._now, dict(self._patches), make, is_blocking=is_blocking)

    def _with(self, kind: str, name: str, status: str = "SUCCEEDED", **fields: Any) -> MockDurableContext:
        checked(name, f"with_{kind}")
        self._prepared.append(Prepared(kind, name, status, **fields))
        return self

"""Durable functions without an SDK: they speak the protocol themselves, one real call after the other."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from durable_lambda.protocol.hosting import LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput
from durable_lambda.protocol.operations import ErrorObject, Operation
from durable_lambda.protocol.updates import CallbackOptions, OperationUpdate, StepOptions, WaitOptions


class Blocked(BaseException):
    """The function cannot go on now."""


class Invocation:
    """What a script works with: replay by id, and one checkpoint for each thing that happens."""

    def __init__(self, event: InvocationInput, backend: Any, context: LambdaContext) -> None:
        self.event = event
        self.backend = backend
        self.context = context
        self.arn = event.durable_execution_arn
        self.token = event.checkpoint_token
        self.operations: dict[str, Operation] = {}
        self.learn(event.initial_execution_state.operations)
        root = next(iter(self.operations.values()))
        self.input = msgspec.json.decode(root.execution_details.input_payload or "null")

    def learn(self, operations: list[Operation]) -> None:
        self.operations.update((operation.id, operation) for operation in operations)

    async def checkpoint(self, *updates: OperationUpdate) -> None:
        answer = await self.backend.checkpoint(self.arn, self.token, updates)
        self.token = answer.checkpoint_token
        self.learn(answer.new_execution_state.operations)

    async def step(self, key: str, body: Callable[[], Any] = lambda: None, *, retry_in: int | None = None) -> Any:
        """A step; with `retry_in` an attempt that raises is tried again after so many seconds."""
        known = self.operations.get(key)
        if known is not None and known.status == "SUCCEEDED":
            return msgspec.json.decode(known.step_details.result)
        if known is not None and known.status == "PENDING":
            raise Blocked
        start = (
            [] if known is not None and known.status == "STARTED" else [OperationUpdate(key, "STEP", "START", name=key)]
        )
        try:
            value = body()
            if isinstance(value, Awaitable):
                value = await value
        except ValueError as error:
            if retry_in is None:
                raise
            problem = ErrorObject("ValueError", str(error))
            retry = OperationUpdate(key, "STEP", "RETRY", error=problem, step_options=StepOptions(retry_in))
            await self.checkpoint(*start, retry)
            raise Blocked from None
        payload = msgspec.json.encode(value).decode()
        await self.checkpoint(*start, OperationUpdate(key, "STEP", "SUCCEED", payload=payload))
        return value

    async def wait(self, key: str, seconds: int) -> None:
        if key not in self.operations:
            await self.checkpoint(OperationUpdate(key, "WAIT", "START", wait_options=WaitOptions(seconds)))
        if self.operations[key].status != "SUCCEEDED":
            raise Blocked

    async def callback(self, key: str, tell: Callable[[str], None] = lambda _: None, timeout: int = 0) -> Operation:
        if key not in self.operations:
            await self.checkpoint(OperationUpdate(key, "CALLBACK", "START", callback_options=CallbackOptions(timeout)))
            tell(self.operations[key].callback_details.callback_id)
        if self.operations[key].status == "STARTED":
            raise Blocked
        return self.operations[key]


class Script:
    """A `DurableFunction` made of a coroutine function of an `Invocation`; `Blocked` becomes PENDING."""

    def __init__(self, body: Callable[[Invocation], Awaitable[Any]], name: str = "orders") -> None:
        self.body = body
        self.name = name
        self.invocations = 0
        self.events: list[InvocationInput] = []

    async def invoke(
        self, invocation: InvocationInput, backend: Any, lambda_context: LambdaContext
    ) -> InvocationOutput:
        self.invocations += 1
        self.events.append(invocation)
        try:
            result = await self.body(Invocation(invocation, backend, lambda_context))
        except Blocked:
            return InvocationOutput("PENDING")
        if isinstance(result, InvocationOutput):
            return result
        return InvocationOutput("SUCCEEDED", result=msgspec.json.encode(result).decode())


class Mail:
    """A value that one thread hands to another, once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._value: Any = None

    def put(self, value: Any = None) -> None:
        self._value = value
        self._event.set()

    @property
    def is_empty(self) -> bool:
        return not self._event.is_set()

    def get(self) -> Any:
        assert self._event.wait(10), "nothing came"
        return self._value

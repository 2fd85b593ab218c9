"""`run_in_child_context`: operations in a namespace of their own, with one result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from durable_lambda.arguments import check_name
from durable_lambda.errors import ChildContextError, OperationError, SerializationError
from durable_lambda.failures import describe, raise_as_recorded
from durable_lambda.loop import CURRENT
from durable_lambda.operations.outcome import codec_of, failure, unreadable, unwritable
from durable_lambda.protocol import operations as wire
from durable_lambda.protocol.limits import REPLAY_CHILDREN_THRESHOLD
from durable_lambda.protocol.updates import ContextOptions
from durable_lambda.runtime.call import Call
from durable_lambda.runtime.operation import Operation
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import Codec, read_payload, write_payload

T = TypeVar("T")


class ChildContext(Call[T]):
    """A CONTEXT operation around a function that gets a context of its own."""

    __slots__ = ("args", "codec", "error", "fn", "inside", "is_new", "payload", "record", "value", "virtual")

    value: T
    is_new: bool
    """Whether the history has to be told that it begins."""
    inside: Scope
    """The scope of the context, while its function runs."""

    type = "CONTEXT"
    sub_type = "RunInChildContext"
    verb = "run_in_child_context"
    kind = "child_context"
    fallback: ClassVar[type[OperationError]] = ChildContextError
    """What a failure is that cannot be rebuilt as itself."""

    def __init__(
        self,
        scope: Scope,
        name: str | None,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        virtual: bool,
        result_type: Any,
        codec: Codec[T] | None = None,
    ) -> None:
        super().__init__(scope, name)
        self.fn = fn
        self.args = args
        self.virtual = virtual
        self.payload: str | None = None
        """The result as JSON, once it has one; `value` is what it comes back as."""
        self.record: wire.ErrorObject | None = None
        self.error: BaseException | None = None
        """What was recorded of its failure, and the exception that it is."""
        self.codec: Codec[T] = codec_of(scope, self.verb, codec, fn, result_type)

    @property
    def new_operations(self) -> int:
        return 0 if self.virtual else 1

    def prepare(self) -> None:
        check_name(self.name, self.verb)
        self.scope.check_code(self.fn, self.verb)

    def replay(self, recorded: wire.Operation) -> Operation[T] | None:
        details = recorded.context_details or wire.ContextDetails()
        if recorded.status == "SUCCEEDED" and not details.replay_children:
            return self._replay_success(details.result)
        if recorded.status == "FAILED":
            self.record = details.error or wire.ErrorObject()
            self.error = failure(self, self.record, self.fallback)
            return Operation.failed(self.error)
        return None

    def _replay_success(self, payload: str | None) -> Operation[T]:
        try:
            self.value = read_payload(self.codec, payload)
        except Exception as error:  # also of a codec of the user's
            return Operation.failed(unreadable(self, error))
        self.payload = payload or "null"
        return Operation(self.value)

    async def execute(self, recorded: wire.Operation | None) -> T:
        self.is_new = recorded is None and not self.virtual
        if self.is_new:
            self.begin()
        try:
            result = await self._run()
            try:
                payload, value = write_payload(self.codec, result)
            except SerializationError as error:
                raise unwritable(self, error) from error
        except asyncio.CancelledError as cancellation:
            self.record, self.error = describe(cancellation), cancellation
            if not self.virtual:
                self.record_cancellation(self.update("FAIL", error=self.record))
            raise
        except Exception as error:
            self.record = describe(error)
            if not self.virtual:
                await self.conclude(self.update("FAIL", error=self.record))
            self.error = failure(self, self.record, self.fallback, original=error)
            raise_as_recorded(self.error)
        if not self.virtual and (recorded is None or not recorded.is_terminal):
            await self.conclude(self._success(payload))
        self.payload, self.value = payload, value
        return value

    def begin(self) -> None:
        """Tell that it begins."""
        self.announce(self.update("START"))

    async def _run(self) -> T:
        child = self.inside = self.scope.child(self.id, virtual=self.virtual, server=self.server)
        CURRENT.set(child.home)
        try:
            value = await self.code()
        except Exception as error:
            child.finish(error)
            raise
        child.finish()
        return value

    async def code(self) -> T:
        """What is done in the context `inside`."""
        return await self.inside.call(self.fn, self.args)

    def _success(self, payload: str) -> Any:
        if len(payload.encode()) <= REPLAY_CHILDREN_THRESHOLD:
            return self.update("SUCCEED", payload=payload)
        return self.update("SUCCEED", payload="", context_options=ContextOptions(replay_children=True))

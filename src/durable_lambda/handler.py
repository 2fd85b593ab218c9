"""A Lambda entry point around a durable function.

`Handler` turns an invocation into a run of the function: it loads the state, decodes the event, runs the code until it
ends or suspends, and answers with the envelope that the service expects. A host such as the embedded engine calls
`invoke` on its own loop; Lambda calls the handler itself.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar, overload

import msgspec

from durable_lambda.context import DurableContext
from durable_lambda.errors import (
    BackendError,
    CheckpointError,
    DeserializationError,
    SerializationError,
    ValidationError,
)
from durable_lambda.failures import ExceptionClasses, describe
from durable_lambda.loop import InvocationLoop
from durable_lambda.operations.body import is_async
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.protocol.errors import ServiceError
from durable_lambda.protocol.hosting import LambdaContext
from durable_lambda.protocol.invocation import InvocationInput, InvocationOutput, parse_invocation
from durable_lambda.protocol.limits import MAX_EXECUTION_PAYLOAD, MAX_INVOCATION_RESPONSE, MAX_PAGE_SIZE
from durable_lambda.protocol.operations import Operation, RawOperation, decode_operation, operation_id_of
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime import process
from durable_lambda.runtime.checkpointer import START_DELAY, classified
from durable_lambda.runtime.invocation import Ending, Invocation, InvocationInterrupted
from durable_lambda.runtime.journal import Journal
from durable_lambda.runtime.scope import Scope
from durable_lambda.values import codec_for, parameter_type, result_codec, round_trip

E = TypeVar("E")
R = TypeVar("R")

_RIGHT_FORM: Final = "async def handler(event: Order, ctx: DurableContext) -> Receipt: ..."
_WIDEST_ESCAPE: Final = 6  # JSON writes one character in at most six bytes


class Handler(Generic[E, R]):
    """A durable function, ready to be invoked: by Lambda, or by an engine that it is registered with.

    `fn` is the function itself, for a test with a context of its own.
    """

    def __init__(
        self,
        fn: Callable[[E, DurableContext], Coroutine[Any, Any, R]],
        *,
        name: str | None = None,
        backend: DurableBackend | None = None,
        start_delay: float = START_DELAY,
    ) -> None:
        self._event_parameter = _check_signature(fn)
        self.fn = fn
        self.name = name if name is not None else getattr(fn, "__name__", "handler")
        self._backend = backend
        self._start_delay = _checked_delay(start_delay)
        self._classes: ExceptionClasses | None = None
        self.__doc__ = fn.__doc__
        self.__name__ = self.name

    def __repr__(self) -> str:
        return f"<durable function {self.name}>"

    def __call__(self, event: Any, lambda_context: LambdaContext | None = None) -> dict[str, Any]:
        """Run one invocation: the entry point for Lambda.

        Returns:
            The envelope: `{"Status": "SUCCEEDED", "Result": …}`, `{"Status": "FAILED", "Error": …}` or
            `{"Status": "PENDING"}`.

        Raises:
            ValueError: The event is not that of a durable invocation.
            BackendError: The service could not be reached or refused the token; Lambda invokes again.
        """
        backend = self._backend
        if hasattr(event, "service_client") and hasattr(event, "to_json_dict"):
            # late: only the official test runner calls like this
            from durable_lambda.backends.service_client import ServiceClientBackend

            event, backend = event.to_json_dict(), ServiceClientBackend(event.service_client)
        try:
            invocation = parse_invocation(event)
        except ValueError as error:
            raise ValueError(
                f"{error} (Lambda calls {self!r} like this. To run it here use the `durable run` command or a "
                "durable_lambda.engine.Engine; the function itself is its `fn`.)"
            ) from None
        if backend is None:
            backend = _lambda_backend(self)
        try:
            output = process.run(self.invoke(invocation, backend, lambda_context))
        except InvocationInterrupted as interruption:
            if interruption.__cause__ is not None:
                raise interruption.__cause__ from None
            raise
        return msgspec.to_builtins(output)

    async def invoke(
        self, invocation: InvocationInput, backend: DurableBackend, lambda_context: LambdaContext | None = None
    ) -> InvocationOutput:
        """Run one invocation on the running loop: the entry point for a host.

        Raises:
            RuntimeError: The running loop is no `durable_lambda.loop.InvocationLoop`.
            BackendError: The service could not be reached or refused the token.
            InvocationInterrupted: The function raised `SystemExit` or `KeyboardInterrupt`.
        """
        if not isinstance(asyncio.get_running_loop(), InvocationLoop):
            raise RuntimeError(
                "a durable function runs on a durable_lambda.loop.InvocationLoop: call the handler itself"
            )
        if self._classes is None:
            self._classes = ExceptionClasses()
        try:
            operations = await _load_operations(invocation, backend)
        except ServiceError as error:
            refusal = classified(error, "to give the state")
            if isinstance(refusal, BackendError):
                raise refusal from error
            return InvocationOutput("FAILED", error=describe(refusal))
        except OSError as error:
            raise BackendError(f"the state could not be read: {type(error).__name__}: {error}") from error
        journal = Journal(operations)
        execution = _take_execution(journal, invocation.durable_execution_arn)
        run = Invocation(
            invocation.durable_execution_arn,
            invocation.checkpoint_token,
            journal,
            backend,
            lambda_context=lambda_context,
            classes=self._classes,
            start_delay=self._start_delay,
        )
        scope = Scope(run, DurableContext)
        return await _answer(run, await run.run(self._main(scope, execution), scope.home))

    async def _main(self, scope: Scope, execution: Operation) -> str:
        """Run the function's code, and give its result as JSON."""
        details = execution.execution_details
        payload = details.input_payload if details is not None else None
        event = self._decode_event(payload)
        try:
            result = await self.fn(event, DurableContext(scope))
        except Exception as error:
            scope.finish(error)
            raise
        scope.finish()
        try:
            return round_trip(result_codec(self.fn), result)[0]
        except SerializationError as error:
            raise SerializationError(f"the result of {self.name}: {error}") from error

    def _decode_event(self, payload: str | None) -> E:
        codec = codec_for(parameter_type(self.fn, self._event_parameter))
        try:
            return codec.decode(payload if payload else "null")
        except DeserializationError as error:
            raise DeserializationError(f"the event of {self.name}: {error}") from error


def _lambda_backend(handler: Handler[Any, Any]) -> DurableBackend:
    """AWS Lambda, in a process that Lambda (or what stands in for it) started. Raises `ValidationError` elsewhere."""
    if not {"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME"} & os.environ.keys():
        raise ValidationError(
            f"{handler!r} has no backend to send checkpoints to, and this is not AWS Lambda: pass one with "
            "@durable_execution(backend=…), or register the function with a durable_lambda.engine.Engine"
        )
    from durable_lambda.backends.aws import default_backend  # late: it brings HTTP and TLS

    return default_backend()


async def _load_operations(invocation: InvocationInput, backend: DurableBackend) -> list[RawOperation]:
    """Every operation of the execution; the first page comes with the event, and may be empty."""
    operations = list(invocation.initial_execution_state.operations)
    marker = invocation.initial_execution_state.next_marker
    while marker:
        page = await backend.get_execution_state(
            invocation.durable_execution_arn, invocation.checkpoint_token, marker, MAX_PAGE_SIZE
        )
        operations += page.operations
        marker = page.next_marker
    return operations


def _take_execution(journal: Journal, arn: str) -> Operation:
    """The EXECUTION operation, out of those that the code will ask for."""
    if not journal.history:
        raise BackendError(f"the service gave no operation of {arn}, not even the execution itself")
    first = journal.history[0]
    execution = journal.recorded.pop(operation_id_of(first))
    decoded = decode_operation(execution)
    if decoded.type != "EXECUTION":
        raise BackendError(f"the first operation of {arn} is of type {decoded.type}, not EXECUTION")
    return decoded


async def _answer(run: Invocation, ending: Ending) -> InvocationOutput:
    """The envelope of an ending."""
    match ending.kind:
        case "returned":
            return await _succeed(run, ending.value)
        case "suspended":
            return InvocationOutput("PENDING")
        case "broken":
            assert ending.error is not None
            raise ending.error
        case "raised" | "failed":
            assert ending.error is not None
            return InvocationOutput("FAILED", error=describe(ending.error))


async def _succeed(run: Invocation, result: str) -> InvocationOutput:
    output = InvocationOutput("SUCCEEDED", result=result)
    if len(result) * _WIDEST_ESCAPE + 100 <= MAX_INVOCATION_RESPONSE:
        return output
    if len(msgspec.json.encode(output)) <= MAX_INVOCATION_RESPONSE:
        return output
    size = len(result.encode())
    if size > MAX_EXECUTION_PAYLOAD:
        too_large = SerializationError(
            f"the result of the execution is {size} bytes, the limit is {MAX_EXECUTION_PAYLOAD} (execution payload, "
            "AWS Lambda quotas): store it elsewhere and return where it is"
        )
        return InvocationOutput("FAILED", error=describe(too_large))
    execution_id = run.arn.rsplit("/", 1)[-1]
    try:
        await run.checkpointer.deliver(OperationUpdate(execution_id, "EXECUTION", "SUCCEED", payload=result))
    except CheckpointError as error:
        return InvocationOutput("FAILED", error=describe(error))
    return InvocationOutput("SUCCEEDED", result="")


def _checked_delay(seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"start_delay must be seconds from 0, not {seconds!r}")
    return seconds


def _check_signature(fn: Callable[..., Any]) -> str:
    """The name of the parameter that takes the event. Raises `ValidationError` for a function that is no handler."""
    shown = getattr(fn, "__qualname__", repr(fn))
    if isinstance(fn, Handler):
        raise ValidationError(f"{shown} is a durable function already: decorate it once")
    if not callable(fn):
        raise ValidationError(f"a durable function is a function, not {fn!r}: {_RIGHT_FORM}")
    if inspect.isasyncgenfunction(fn) or inspect.isgeneratorfunction(fn):
        raise ValidationError(f"{shown} yields, and a durable function returns: {_RIGHT_FORM}")
    if not is_async(fn):
        raise ValidationError(f"{shown} must be an `async def`: {_RIGHT_FORM}")
    positional = [
        parameter
        for parameter in inspect.signature(fn).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [
        parameter
        for parameter in inspect.signature(fn).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if len(positional) < 2 or len(required) > 2 or any(p.kind is p.KEYWORD_ONLY for p in required):
        raise ValidationError(
            f"{shown}{inspect.signature(fn)} must take the event and the context, in this order: {_RIGHT_FORM}"
        )
    return positional[0].name


@overload
def durable_execution(fn: Callable[[E, DurableContext], Coroutine[Any, Any, R]], /) -> Handler[E, R]: ...
@overload
def durable_execution(
    *, name: str | None = None, backend: DurableBackend | None = None, start_delay: float = START_DELAY
) -> Callable[[Callable[[E, DurableContext], Coroutine[Any, Any, R]]], Handler[E, R]]: ...
def durable_execution(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    backend: DurableBackend | None = None,
    start_delay: float = START_DELAY,
) -> Any:
    """Make an `async def handler(event, ctx)` a durable function.

    The event is decoded into the type that the first parameter is annotated with, and the result must fit the return
    annotation; without annotations both are plain JSON.

    Args:
        fn: The function, when the decorator is used without arguments.
        name: What an engine calls the function. Default: its own name.
        backend: Where checkpoints go when Lambda calls the handler. Default: the API of AWS Lambda, by an
            `AwsBackend`. An engine brings its own.
        start_delay: Seconds that a step's START waits for its outcome, so that a fast step is one call; 0 sends it
            before the body runs. Default 0.05.

    Raises:
        ValidationError: The function is no `async def` that takes an event and a context.

    Example:
        @durable_execution
        async def process(order: Order, ctx: DurableContext) -> Receipt:
            payment = await ctx.step("charge", charge, order)
            return Receipt(payment.id)
    """

    def decorate(function: Callable[..., Any]) -> Handler[Any, Any]:
        return Handler(function, name=name, backend=backend, start_delay=start_delay)

    return decorate if fn is None else decorate(fn)

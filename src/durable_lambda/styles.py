"""Two other ways to write a durable function: a class, and a builder. Each of them makes a `Handler`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Generic, Self, TypeVar, Unpack

from durable_lambda.errors import ValidationError
from durable_lambda.handler import ErrorHook, Handler, HandlerOptions
from durable_lambda.protocol.backend import DurableBackend
from durable_lambda.runtime.hooks import Hooks
from durable_lambda.signature import check_signature
from durable_lambda.values import Codec

E = TypeVar("E")
R = TypeVar("R")


class DurableHandler(Handler[Any, Any]):
    """A durable function as a class: its instance is the Lambda handler, and `handle` is what runs.

    What `__init__` sets up is made once for each process, such as clients; what belongs to one execution goes through
    the operations. The options of `durable_execution` are given with the class; the name is the class's by default.

    Example:
        class Orders(DurableHandler, name="orders"):
            def __init__(self, bank: Bank) -> None:
                self.bank = bank

            async def handle(self, event: Order, ctx: DurableContext) -> Receipt:
                return Receipt(await ctx.step("charge", self.bank.charge, event))

        handler = Orders(Bank())
    """

    _options: ClassVar[HandlerOptions] = {}

    handle: Callable[..., Any]
    """The function: `async def handle(self, event, ctx)`, or a `def`."""

    def __init_subclass__(cls, **options: Unpack[HandlerOptions]) -> None:
        """Raises `ValidationError` when `handle` does not take an event and a context of its kind."""
        super().__init_subclass__()
        cls._options = {**cls._options, "name": cls.__name__, **options}
        handle = vars(cls).get("handle")
        if handle is not None:  # a method, or what stays as it is: a static one, a partial
            check_signature(handle.__get__(object(), cls) if hasattr(handle, "__get__") else handle)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Raises `ValidationError` when the class has no `handle`."""
        if not hasattr(cls, "handle"):
            raise ValidationError(
                f"{cls.__qualname__} needs a method that runs: "
                "async def handle(self, event: Order, ctx: DurableContext) -> Receipt: ..."
            )
        made = super().__new__(cls)
        # Here and not in `__init__`, so that a class with one of its own need not call this one's.
        super(DurableHandler, made).__init__(made.handle, **cls._options)
        return made

    def __init__(self) -> None:
        """For a class that sets up nothing."""


class HandlerBuilder(Generic[E, R]):
    """Made by `Handler.builder`; see there. Each method gives the builder itself."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn
        self._options: HandlerOptions = {}

    def with_name(self, name: str) -> Self:
        """What an engine calls the function."""
        self._options["name"] = name
        return self

    def with_backend(self, backend: DurableBackend) -> Self:
        """Where checkpoints go when Lambda calls the handler."""
        self._options["backend"] = backend
        return self

    def with_hooks(self, hooks: Hooks | Iterable[Hooks]) -> Self:
        """Who is told what happens: `hooks` of `durable_execution`."""
        self._options["hooks"] = hooks
        return self

    def with_codec(self, codec: Codec[str]) -> Self:
        """What the stored text of every result is put through: `codec` of `durable_execution`."""
        self._options["codec"] = codec
        return self

    def with_error_handler(self, on_error: ErrorHook) -> Self:
        """What sees the exception that an execution fails with: `on_error` of `durable_execution`."""
        self._options["on_error"] = on_error
        return self

    def with_start_delay(self, seconds: float) -> Self:
        """How long a step's START waits for its outcome: `start_delay` of `durable_execution`."""
        self._options["start_delay"] = seconds
        return self

    def build(self) -> Handler[E, R]:
        """The handler.

        Raises:
            ValidationError: The function or an option cannot be right.
        """
        return Handler(self._fn, **self._options)

"""What user code catches of an operation that fails, on the first run and on replay, held against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drive import Execution
from durable_lambda import DurableContext


def caught_twice(body: Callable[[], Any], **options: Any) -> tuple[BaseException, BaseException, Execution]:
    """What a step with this body raises, first and on replay."""
    seen: list[BaseException] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", body, **{"retry": 0, "inline": True} | options)
        except BaseException as error:
            seen.append(error)

    execution = Execution(handler)
    execution.result()
    assert execution.sent == [("STEP", "work", "START"), ("STEP", "work", "FAIL")]
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    return first, replayed, execution


def caught(body: Callable[[], Any], **options: Any) -> Any:
    """What a step with this body raises, which has to tell the same story on the first run and on replay."""
    first, replayed, _ = caught_twice(body, **options)
    assert story(first) == story(replayed)
    return replayed


def raising(error: BaseException) -> Callable[[], Any]:
    def body() -> None:
        raise error

    return body


def story(error: BaseException | None, told: tuple[int, ...] = ()) -> Any:
    """Everything about an exception that a program could ask for, with those that it hangs on."""
    if error is None or id(error) in told:
        return None if error is None else "again"
    told = (*told, id(error))
    slots = {name: repr(getattr(error, name, None)) for name in getattr(type(error), "__slots__", ())}
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return (
        type(error),
        [story(each, told) if isinstance(each, BaseException) else repr(each) for each in error.args],
        {
            key: story(each, told) if isinstance(each, BaseException) else repr(each)
            for key, each in vars(error).items()
        },
        slots,
        story(error.__cause__, told),
        story(error.__context__, told),
        error.__suppress_context__,
        [story(part, told) for part in parts],
    )

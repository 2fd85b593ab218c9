"""Exceptions reach the caller as themselves: with the same type, arguments and attributes first and on every replay."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zlib
from types import ModuleType
from typing import Any

import msgspec
import pytest

from drive import Execution
from durable_lambda import DurableContext, Retry, StepError, durable_execution
from durable_lambda.protocol.operations import ErrorObject
from recording import RecordingBackend, invocation


class DeclinedError(Exception):
    """With an __init__ of its own, which counts how often it is called."""

    made = 0

    def __init__(self, account: str, *, limit: int) -> None:
        type(self).made += 1
        super().__init__(f"{account} is over {limit}")
        self.account = account
        self.limit = limit


class Outer:
    class InnerError(Exception):
        pass


class NotFoundError(LookupError):
    @property
    def status(self) -> int:
        return 404


def raising(error: BaseException) -> Any:
    def body() -> None:
        raise error

    return body


def caught_on_both_runs(error: BaseException, **options: Any) -> BaseException:
    """What user code catches of a step that raises, which has to be the same on the first run and on replay."""
    seen: list[BaseException] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", raising(error), **{"retry": 0, "inline": True} | options)
        except Exception as caught:
            seen.append(caught)

    execution = Execution(handler)
    execution.result()
    assert execution.sent == [("STEP", "work", "START"), ("STEP", "work", "FAIL")]
    execution.result()
    assert execution.sent == []
    first, replayed = seen
    assert type(first) is type(replayed)
    assert shown(first) == shown(replayed)
    return replayed


def shown(error: BaseException) -> tuple[Any, ...]:
    try:
        text = str(error)
    except Exception as broken:
        text = repr(broken)
    return text, repr(error.args), {key: repr(value) for key, value in vars(error).items() if key != "__notes__"}


BUILTINS = [
    ValueError("no"),
    ValueError(),
    ValueError("a", 1, None, [1, {"b": 2}]),
    KeyError("key"),
    IndexError("out"),
    OSError(2, "No such file"),
    OSError(2, "No such file", "a.txt"),
    FileNotFoundError(2, "No such file", "a.txt"),
    ConnectionResetError(104, "reset"),
    TimeoutError("late"),
    ZeroDivisionError("division by zero"),
    AssertionError("1 != 2"),
    RuntimeError("no"),
    NotImplementedError(),
    RecursionError("too deep"),
    MemoryError(),
    AttributeError("no attribute"),
    NameError("no name"),
    ImportError("no module"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    UnicodeEncodeError("ascii", "é", 0, 1, "not in range"),
    SyntaxError("invalid"),
    EOFError(),
    BlockingIOError(11, "again"),
]


@pytest.mark.parametrize("error", BUILTINS, ids=repr)
def test_a_builtin_comes_back_as_itself(error: Exception) -> None:
    caught = caught_on_both_runs(error)
    assert type(caught) is type(error)
    assert str(caught) == str(error)


@pytest.mark.parametrize("error", [error for error in BUILTINS if not isinstance(error, UnicodeError)], ids=repr)
def test_the_arguments_of_a_builtin_come_back(error: Exception) -> None:
    assert caught_on_both_runs(error).args == error.args


def test_what_an_os_error_keeps_comes_back() -> None:
    caught = caught_on_both_runs(FileNotFoundError(2, "No such file", "a.txt"))
    assert isinstance(caught, FileNotFoundError)
    assert (caught.errno, caught.strerror, caught.filename) == (2, "No such file", "a.txt")


def test_what_an_os_error_with_two_files_keeps_comes_back() -> None:
    caught = caught_on_both_runs(OSError(18, "Cross-device link", "a.txt", None, "b.txt"))
    assert isinstance(caught, OSError)
    assert (caught.filename, caught.filename2) == ("a.txt", "b.txt")


def test_a_class_of_a_loaded_module_comes_back_with_its_attributes() -> None:
    caught = caught_on_both_runs(DeclinedError("alice", limit=5))
    assert isinstance(caught, DeclinedError)
    assert (caught.account, caught.limit, str(caught)) == ("alice", 5, "alice is over 5")


def test_its_init_is_not_called_again() -> None:
    error = DeclinedError("alice", limit=5)
    made = DeclinedError.made
    caught_on_both_runs(error)
    assert DeclinedError.made == made


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Outer.InnerError("no"), Outer.InnerError),
        (NotFoundError("gone"), NotFoundError),
        (zlib.error("bad data"), zlib.error),
        (asyncio.QueueFull("full"), asyncio.QueueFull),
        (asyncio.InvalidStateError("state"), asyncio.InvalidStateError),
    ],
    ids=repr,
)
def test_classes_are_found_by_their_qualified_names(error: Exception, kind: type[Exception]) -> None:
    caught = caught_on_both_runs(error)
    assert type(caught) is kind
    assert caught.args == error.args


def test_an_exception_of_the_standard_library_with_an_init_of_its_own_comes_back() -> None:
    caught = caught_on_both_runs(subprocess.CalledProcessError(3, ["ls", "-l"], output="out"))
    assert isinstance(caught, subprocess.CalledProcessError)
    assert (caught.returncode, caught.cmd, caught.output) == (3, ["ls", "-l"], "out")


def test_a_local_class_is_a_step_error_on_both() -> None:
    class LocalError(Exception):
        pass

    caught = caught_on_both_runs(LocalError("no"))
    assert type(caught) is StepError
    assert caught.code == "STEP_FAILED"
    assert caught.error_type is not None
    assert caught.error_type.endswith("LocalError")
    assert caught.error_message == "no"
    assert caught.error_data is not None
    assert caught.stack_trace is not None
    assert str(caught) == f"step failed for operation 'work': {caught.error_type}: no"
    assert (caught.operation_name, caught.operation_id) == ("work", caught.operation_id)


def test_a_local_class_that_raises_names_comes_back() -> None:
    class LocalError(Exception):
        pass

    assert type(caught_on_both_runs(LocalError("no"), raises=(LocalError,))) is LocalError


def test_a_local_class_that_retry_on_names_comes_back() -> None:
    class LocalError(Exception):
        pass

    retry = Retry(max_attempts=1, retry_on=(LocalError, ValueError))
    assert type(caught_on_both_runs(LocalError("no"), retry=retry)) is LocalError


def test_a_class_of_a_module_that_is_not_loaded_is_a_step_error_and_nothing_is_imported() -> None:
    async def handler(event: Any, ctx: DurableContext) -> str:
        try:
            await ctx.step("work", raising(ValueError("no")), retry=0)
        except ValueError:
            return "ValueError"
        except StepError as error:
            return f"StepError of {error.error_type}"
        return ""

    execution = Execution(handler)
    assert execution.result() == "ValueError"
    details = execution.operation("work").step_details
    assert details is not None
    recorded = ErrorObject("this.module.has.SideEffects", "no")
    execution.change("work", step_details=msgspec.structs.replace(details, error=recorded))
    assert execution.result() == "StepError of this.module.has.SideEffects"


@pytest.mark.parametrize(
    "name", ["os.system", "builtins.print", "print", "int", "object", "Exception.mro", "", "...", "a."]
)
def test_a_recorded_name_that_is_no_exception_is_a_step_error(name: str) -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", raising(ValueError("no")), retry=0)

    execution = Execution(handler)
    execution.error()
    details = execution.operation("work").step_details
    assert details is not None
    execution.change("work", step_details=msgspec.structs.replace(details, error=ErrorObject(name, "no")))
    assert execution.error()["ErrorType"] == "durable_lambda.errors.StepError"


def test_an_exception_of_another_sdk_comes_back_with_its_message() -> None:
    async def handler(event: Any, ctx: DurableContext) -> None:
        await ctx.step("work", raising(KeyError("x")), retry=0)

    execution = Execution(handler)
    execution.error()
    details = execution.operation("work").step_details
    assert details is not None
    foreign = ErrorObject("ValueError", "from elsewhere", "not our data")
    execution.change("work", step_details=msgspec.structs.replace(details, error=foreign))
    error = execution.error()
    assert (error["ErrorType"], error["ErrorMessage"]) == ("ValueError", "from elsewhere")


def test_a_class_of_a_module_that_a_body_loads_is_a_step_error_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process it may not be loaded when the record is read, so it is not looked for in this one either."""

    class LateError(Exception):
        pass

    LateError.__module__, LateError.__qualname__ = "a_late_module", "LateError"

    def body() -> None:
        late = ModuleType("a_late_module")
        late.LateError = LateError  # type: ignore[attr-defined]  # a module is what one puts into it
        monkeypatch.setitem(sys.modules, "a_late_module", late)
        raise LateError("late")

    caught: list[str] = []

    async def handler(event: Any, ctx: DurableContext) -> None:
        try:
            await ctx.step("work", body, retry=0)
        except Exception as error:
            caught.append(type(error).__name__)

    backend = RecordingBackend()
    warm = durable_execution(backend=backend)(handler)
    warm(invocation(), None)
    warm(invocation(None, list(backend.operations.values())), None)
    assert caught == ["StepError", "StepError"]

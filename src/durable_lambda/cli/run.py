"""`durable run`: one execution, in an engine in this process, shown until it ends.

What can be wrong with the command is found before the engine opens its file, so that a mistake leaves nothing behind.
The main thread only watches: it draws what has changed, and hears Ctrl-C.
"""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shlex
import signal
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import msgspec

from durable_lambda.cli.database import db_option, refusals
from durable_lambda.cli.failure import FAILED, INTERRUPTED, TERMINATED, CommandError
from durable_lambda.cli.live import Display, configure_logging, display_for
from durable_lambda.cli.options import OnMismatch
from durable_lambda.cli.output import print_json, print_outcome
from durable_lambda.cli.payload import read_payload
from durable_lambda.cli.skipping import RunningAheadClock
from durable_lambda.cli.strangers import refuse_strangers
from durable_lambda.cli.summary import Summary, summarize
from durable_lambda.cli.target import hosted_name, invocable, load_target
from durable_lambda.drawing.tree import view
from durable_lambda.engine import (
    Clock,
    Engine,
    Execution,
    RealClock,
    UnknownExecutionError,
)
from durable_lambda.errors import ExecutionAlreadyStartedError, ExecutionPausedError
from durable_lambda.protocol import limits
from durable_lambda.protocol.hosting import DurableFunction

_LEAST_PAUSE: Final = 0.02  # seconds between two looks at an execution
_NAME: Final = re.compile(rf"[a-zA-Z0-9_-]{{1,{limits.MAX_EXECUTION_NAME}}}")


def run_command(
    target: str,
    *,
    event: str | None,
    name: str | None,
    db: Path,
    skip_time: bool,
    on_mismatch: OnMismatch,
    as_json: bool,
) -> None:
    """Start an execution or re-attach to one, watch it to its end, and exit with what became of it."""
    payload = None if event is None else read_payload("--event", event)
    if name is not None:
        check_name("--name", name)
    if payload is None and (name is None or not db.exists()):
        raise CommandError("--event is missing; it may be left out only to re-attach, by --name, to what is in --db")
    shown = sys.stderr if as_json else sys.stdout
    with redirect_stdout(shown):  # whatever user code prints, stdout has one document with --json
        function = load_target(target)
        hosted = hosted_name(function)
        functions = {hosted: function, **invocable(target)}
        for each in functions:
            check_name("the function's name", each)
        if functions[hosted] is not function:
            raise CommandError(f"two functions are called {hosted!r}; give one another name with @durable_execution")
        name = name or new_name(hosted)
        options = [*db_option(db), *(["--skip-time"] if skip_time else [])]
        resume = ["durable", "run", target, "--name", name, *options]
        summary = carry_out(
            functions,
            hosted,
            payload,
            name,
            db=db,
            skip_time=skip_time,
            on_mismatch=on_mismatch,
            resume=resume,
            display=display_for(shown),
        )
    if as_json:
        print_json(summary.wire())
    elif summary.ended_at is not None:
        print_outcome(summary)
    leave(0 if summary.status == "SUCCEEDED" else FAILED)


def carry_out(
    functions: Mapping[str, DurableFunction],
    started: str,
    payload: str | None,
    name: str,
    *,
    db: Path,
    skip_time: bool,
    on_mismatch: OnMismatch,
    resume: list[str],
    display: Display,
) -> Summary:
    """Host the functions on the file, start one of them, and stay until the execution of that name has ended, or cannot
    go on.
    """
    configure_logging()
    clock = RunningAheadClock() if skip_time else RealClock()
    with refusals():
        if db.exists():
            # Refuses what is not an engine's, too, before an engine would put its lock beside it.
            refuse_strangers(db, functions, {*functions, *map(hosted_name, functions.values())})
    with terminable(), refusals(), Engine(db, clock=clock, on_mismatch=on_mismatch) as engine:
        try:
            is_old = has_ended(engine, name)
            for known_as, function in functions.items():
                engine.register(function, known_as)
            execution = begin(engine, started, payload, name)
            if is_old:
                sys.stderr.write(f"{name} had ended before: nothing was run. Give another --name to run it again.\n")
            try:
                follow(execution, clock, display, db)
            except ExecutionPausedError as stop:
                paused(name, stop, resume)
        except (KeyboardInterrupt, Terminated) as request:
            interrupted(engine, resume, request)
        return summarize(execution.arn, execution.name, execution.function, execution.history())


def has_ended(engine: Engine, name: str) -> bool:
    """Whether there was an execution of that name, and is over."""
    try:
        return engine.execution(name).status not in ("RUNNING", "PAUSING", "PAUSED")
    except UnknownExecutionError:
        return False


def begin(engine: Engine, hosted: str, payload: str | None, name: str) -> Execution:
    """Start the execution, or find the one that has its name."""
    if payload is None:
        execution = engine.execution(name)
        if execution.function != hosted:
            raise CommandError(f"{name!r} is an execution of {execution.function!r}, not of {hosted!r}")
        return execution
    try:
        return engine.start(hosted, msgspec.json.decode(payload), execution_name=name)
    except ExecutionAlreadyStartedError:
        raise CommandError(
            f"{name!r} was started with another event; leave --event out to re-attach, or give another --name"
        ) from None


def follow(execution: Execution, clock: Clock, display: Display, db: Path) -> None:
    """Show an execution until it has ended. Raises `ExecutionPausedError` if it cannot go on."""
    changed = threading.Event()
    end = execution.end()
    end.add_done_callback(lambda _: changed.set())
    execution.watch(changed.set)
    answer = "".join(f" {shlex.quote(word)}" for word in db_option(db))
    with display:
        while True:
            began = time.monotonic()
            changed.clear()
            is_over = end.done()
            seen = view(execution.operations(), clock.now() / 1000, answer=answer, most=display.most)
            display.update(seen.standing(execution.status))
            if is_over or seen.has_ended:
                break
            # The more there is to draw, the more rarely: the processor is for the function.
            time.sleep(_LEAST_PAUSE + 4 * (time.monotonic() - began))
            changed.wait(display.redraw_after)
    end.result()


def paused(name: str, stop: ExecutionPausedError, resume: list[str]) -> None:
    """The code does not fit the history: show the difference, and tell how to go on."""
    which = name if stop.execution_name == name else f"{name} waits for {stop.execution_name}, which"
    sys.stderr.write(
        f"{which} is paused: its code does not fit its history.\n{stop.reason}\n"
        f"Nothing is lost. Mend the code, and the execution goes on where it stands with:\n  {shlex.join(resume)}\n"
    )


class Terminated(BaseException):
    """SIGTERM has come. An exception, so that the terminal is put back as it was on the way out."""


@contextmanager
def terminable() -> Generator[None, None, None]:
    """Turn the first SIGTERM into `Terminated`; a second one ends the process at once."""

    def on_signal(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_DFL)
        raise Terminated

    before = signal.signal(signal.SIGTERM, on_signal)
    try:
        yield
    except Terminated:  # outside of what can be told how to go on: while the file is opened, or when all is over
        leave(TERMINATED)
    finally:
        signal.signal(signal.SIGTERM, before)


def interrupted(engine: Engine, resume: list[str], request: KeyboardInterrupt | Terminated) -> NoReturn:
    """Ctrl-C or SIGTERM: leave the execution as it stands, and tell how to go on."""
    what, again, exit_code = (
        ("Interrupted", "Ctrl-C", INTERRUPTED)
        if isinstance(request, KeyboardInterrupt)
        else ("Terminated", "SIGTERM", TERMINATED)
    )
    sys.stderr.write(
        f"\n{what}. The execution goes on where it stands with:\n  {shlex.join(resume)}\n"
        f"Leaving as soon as the code that runs lets go; {again} once more leaves at once.\n"
    )
    engine.close()
    leave(exit_code)


def leave(exit_code: int) -> NoReturn:
    """End the process without waiting for threads: a `def` step that timed out or was interrupted may run for hours,
    and nothing of it is recorded any more. What user code has registered with `atexit` is called as ever.
    """
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # what `sys.exit` would call after the threads
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # whoever read our output may have gone, or never was there
            stream.flush()
    os._exit(exit_code)


def check_name(what: str, name: str) -> None:
    """Refuse a name that the service would refuse."""
    if not _NAME.fullmatch(name):
        raise CommandError(f"{what} {name!r} must be 1 to {limits.MAX_EXECUTION_NAME} letters, digits, '-' or '_'")


def new_name(function_name: str) -> str:
    """A name that no other execution has."""
    return f"{function_name[: limits.MAX_EXECUTION_NAME - 9]}-{secrets.token_hex(4)}"

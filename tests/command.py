"""The real `durable` command, in a folder of its own with a small application: what the tests of the CLI drive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

DURABLE = str(Path(sys.executable).with_name("durable"))

APP = '''
import os
import threading
from datetime import timedelta
from pathlib import Path

from durable_lambda import DurableContext, Retry, current_step, durable_execution


def effect(text: str) -> None:
    with Path("effects.log").open("a") as file:
        file.write(text + "\\n")


async def first() -> str:
    effect("first")
    return "one"


async def flaky() -> int:
    attempt = current_step().attempt
    effect(f"flaky {attempt}")
    if attempt < 3:
        raise ConnectionError("no answer")
    return attempt


async def hangs() -> str:
    """Runs until it is killed, the first time that a process runs it."""
    if not Path("hung").exists():
        Path("hung").touch()
        import asyncio
        await asyncio.sleep(60)
    effect("hangs")
    return "two"


@durable_execution
async def handler(event: dict[str, str], ctx: DurableContext) -> dict[str, object]:
    one = await ctx.step("first", first)
    await ctx.wait("rest", timedelta(days=1))
    attempts = await ctx.step("flaky", flaky, retry=Retry.fixed(max_attempts=5, delay=600))
    ctx.logger.info("done with %s", event)
    return {"one": one, "attempts": attempts, "event": event}


@durable_execution
async def approving(event: str, ctx: DurableContext) -> object:
    await ctx.step("first", first)
    approval = await ctx.create_callback("approval", timeout=timedelta(days=1), heartbeat_timeout=timedelta(hours=1))
    return await ctx.callback_result(approval)


@durable_execution
async def failing(event: str, ctx: DurableContext) -> None:
    await ctx.step("first", first)
    raise ValueError("this order is wrong")


@durable_execution
async def hanging(event: str, ctx: DurableContext) -> str:
    one = await ctx.step("first", first)
    return one + await ctx.step("hangs", hangs)


def blocks() -> str:
    """A plain function that nobody can stop, but for the first process that runs it."""
    if not Path("hung").exists():
        Path("hung").touch()
        threading.Event().wait(60)
    return "two"


@durable_execution
async def blocking(event: str, ctx: DurableContext) -> str:
    return await ctx.step("blocks", blocks)


async def branch(number: int, ctx: DurableContext) -> int:
    await ctx.step("inner", first)
    return number


@durable_execution
async def nested(event: int, ctx: DurableContext) -> int:
    print("printed by the handler")
    return await ctx.run_in_child_context("outer", branch, event)
'''


class Cli:
    """Runs `durable` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[str]] = []
        self.environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error"}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DURABLE, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=30,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """The document that a command prints, which must succeed."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str, code: int = 2) -> str:
        """What a command says on stderr when it is refused: one line, and no traceback."""
        done = self(*arguments)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert done.stderr.startswith("durable: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("durable: ").rstrip("\n")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on; its output is read line by line. It is killed when the test ends."""
        process = subprocess.Popen(
            [DURABLE, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.running.append(process)
        return process

    def effects(self) -> list[str]:
        path = self.folder / "effects.log"
        return path.read_text().splitlines() if path.exists() else []

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Reads the output of a process up to the line that has the text."""
    assert process.stdout is not None
    assert process.stderr is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} did not come, but:\n{seen}\n{process.stderr.read()}")


def callback_id_in(output: str) -> str:
    """The callback that the output tells how to answer."""
    return output.split("durable callback success ")[1].split(maxsplit=1)[0]

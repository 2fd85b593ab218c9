"""Clears away what is left of an engine that was killed: its tasks are ended and its loop is closed.

That is done when the outcome of the run is known. What the tasks do in their `finally` blocks then counts for nothing:
the backend that they would send to has been dead for long, and so is the store.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast

from durable_lambda.engine.host import Host
from durable_lambda.testing.loops import VirtualLoop

_LOGGERS: Final = ("durable_lambda", "durable_lambda.engine")


def clear_away(host: Host) -> None:
    """End everything on a host's loop, and close it."""
    loop = cast("VirtualLoop", host.loop)
    loop.set_exception_handler(_ignore)
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    disabled = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True  # the dead tell nothing
    try:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.take_up()
        loop.run_until_complete(host.close())
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=1))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        for logger, was_disabled in zip(loggers, disabled, strict=True):
            logger.disabled = was_disabled
    loop.close()


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Exceptions of tasks that nobody waits for any more."""

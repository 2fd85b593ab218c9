"""The file in which executions are kept, as commands name it and as they tell of trouble with it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from durable_lambda.cli.failure import FAILED, USAGE, CommandError, refusal_exit_code
from durable_lambda.cli.options import DEFAULT_DB
from durable_lambda.engine import FileInUseError
from durable_lambda.errors import DurableError
from durable_lambda.protocol.errors import CallbackTimeoutException, ServiceError


def db_option(db: Path) -> list[str]:
    """What a command that is shown to the user needs to find the same file."""
    return [] if db == DEFAULT_DB else ["--db", str(db)]


@contextmanager
def refusals(subject: str = "") -> Generator[None, None, None]:
    """Tell what the engine, its file or a client refuses as one line. `subject`: what a service error is about."""
    try:
        yield
    except (CallbackTimeoutException, TimeoutError) as error:
        raise CommandError(subject + one_line(error), FAILED) from error
    except ServiceError as error:
        raise CommandError(subject + one_line(error), refusal_exit_code(error.status)) from error
    except FileInUseError as error:
        in_use = one_line(error).partition("; ")[0]
        raise CommandError(f"{in_use}; wait for it, or give another --db") from error
    except DurableError as error:
        raise CommandError(one_line(error), USAGE) from error


def one_line(error: Exception) -> str:
    """The text of an error, without line breaks."""
    return " ".join(str(error).split())

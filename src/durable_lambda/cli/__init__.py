"""The `durable` command: run durable functions on this machine, look at them, answer their callbacks.

It needs the extra `durable-lambda[local]`. Everything is imported when it is called for, so that `durable --help` is
quick; the engine and the drawing of trees come with the commands that use them.
"""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of `durable`."""
    try:
        import typer
    except ModuleNotFoundError as error:
        sys.exit(f"durable: {error.name} is missing; install it with: pip install 'durable-lambda[local]'")
    from durable_lambda.cli.failure import INTERRUPTED, CommandError
    from durable_lambda.cli.operator import app

    try:
        app(prog_name="durable")
    except CommandError as error:
        typer.echo(f"durable: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

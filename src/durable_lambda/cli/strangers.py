"""Unfinished work of another module, under a name that this one has as well.

What is invoked has only its own name in a file, and two modules may each have a `quote`. An engine would go on with the
one's executions in the other's code; so that is refused, before the engine opens the file.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from durable_lambda.cli.failure import CommandError
from durable_lambda.engine import FileClient
from durable_lambda.protocol.events import ChainedInvokeStartedDetails

_MOST = 1000  # executions, the newest first, among which the one that invoked is looked for


def refuse_strangers(db: Path, invocable: Collection[str], own: Collection[str]) -> None:
    """Raise `CommandError` if what is unfinished of such a name was invoked by a function not of our `own`."""
    with FileClient(db) as client:
        unfinished = {
            execution.arn: execution.function
            for name in invocable
            for execution in client.list_executions(name, status="RUNNING", limit=_MOST)
        }
        if not unfinished:
            return
        for caller in client.list_executions(limit=_MOST):
            if caller.function in own:
                continue
            for event in caller.history():
                details = event.details
                if isinstance(details, ChainedInvokeStartedDetails) and details.durable_execution_arn in unfinished:
                    name = unfinished[details.durable_execution_arn]
                    raise CommandError(
                        f"{db} has an unfinished {name!r} that {caller.function!r} of another module has invoked, and "
                        f"this module has a {name!r} of its own; run that one to its end, or give another --db"
                    )

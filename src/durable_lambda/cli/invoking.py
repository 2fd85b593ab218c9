"""`durable invoke` and `durable show --follow`: an execution of the service, shown until it ends.

The service pushes nothing, and allows few looks: 15 histories a second for a whole account. So looks become rarer while
nothing happens. Ctrl-C stops looking, not the execution.
"""

from __future__ import annotations

import shlex
import sys
import time
from typing import Final

from durable_lambda.cli.failure import FAILED, INTERRUPTED, CommandError
from durable_lambda.cli.live import display_for
from durable_lambda.cli.output import print_json, print_lines, print_outcome
from durable_lambda.cli.payload import read_payload
from durable_lambda.cli.rebuilt import operations_of
from durable_lambda.cli.run import check_name
from durable_lambda.cli.service import ServiceClient
from durable_lambda.cli.summary import Summary, summarize
from durable_lambda.cli.where import Where, service_of
from durable_lambda.drawing.tree import view

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0


def invoke_command(where: Where, *, event: str | None, name: str | None, no_wait: bool, as_json: bool) -> None:
    """Start an execution, and stay until it has ended unless told not to."""
    payload = "null" if event is None else read_payload("--event", event)
    if name is not None:
        check_name("--name", name)
    with service_of(where, f"{where.function}: ") as client:
        arn = client.invoke(payload, name)
        if no_wait:
            if as_json:
                print_json({"DurableExecutionArn": arn})
            else:
                print_lines(arn)
            return
        sys.stderr.write(f"{arn}\n")
        summary = _follow(client, arn, where, as_json=as_json)
    _end(summary, as_json=as_json)


def follow_command(name_or_arn: str, where: Where, *, as_json: bool) -> None:
    """Show an execution until it has ended."""
    with service_of(where) as client:
        summary = _follow(client, client.arn_of(name_or_arn), where, as_json=as_json)
    _end(summary, as_json=as_json)


def _follow(client: ServiceClient, arn: str, where: Where, *, as_json: bool) -> Summary:
    answer = "".join(f" {shlex.quote(word)}" for word in where.options())
    pause, seen, reason = _FIRST_PAUSE, 0, None
    try:
        with display_for(sys.stderr if as_json else sys.stdout) as display:
            while True:
                execution = client.execution(arn)
                history = execution.history()
                if history:  # an execution that has just begun may have none yet
                    summary = summarize(arn, execution.name, execution.function, history)
                    shown = view(operations_of(history), time.time(), answer=answer).standing(summary.status)
                    display.update(shown)
                    if shown.has_ended:
                        return summary
                    if summary.pause_reason not in (None, reason):
                        sys.stderr.write(f"{execution.name} is paused: {summary.pause_reason}\n")
                    reason = summary.pause_reason
                pause = _FIRST_PAUSE if len(history) > seen else min(pause * 1.5, _LONGEST_PAUSE)
                seen = len(history)
                time.sleep(pause)
    except KeyboardInterrupt:
        raise CommandError(f"no longer looking; {arn} goes on", INTERRUPTED) from None


def _end(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print_json(summary.wire())
    else:
        print_outcome(summary)
    sys.exit(0 if summary.status == "SUCCEEDED" else FAILED)

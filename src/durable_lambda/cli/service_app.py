"""What an operator does to an execution: start it at the service, pause, resume, delete it, and ask what it costs."""

from __future__ import annotations

from typing import Annotated

import typer

from durable_lambda.cli.options import (
    DEFAULT_DB,
    AsJson,
    Db,
    EndpointUrl,
    Execution,
    Function,
    Profile,
    Reason,
    Region,
)

service_app = typer.Typer(rich_markup_mode=None)


@service_app.command()
def invoke(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="Its name with a version or alias, or its ARN")],
    *,
    event: Annotated[
        str | None, typer.Option("--event", metavar="JSON|@FILE", help="The event; null if left out")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="N", help="The execution's name; a new one if left out")
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the execution's ARN, and do not follow it")] = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Start an execution on AWS and show its operations as they go.

    The same name and event once more start nothing, and follow the same execution. Ctrl-C stops looking at it only.

    \b
    durable invoke orders:live --event @order.json --name order-42 --region eu-west-1
    durable invoke 'orders:$LATEST' --event '{}' --endpoint-url http://127.0.0.1:9000 --no-wait

    Exit code: 0 the execution succeeded, 1 it did not, 2 the command is wrong, 130 interrupted.
    """
    from durable_lambda.cli.invoking import invoke_command
    from durable_lambda.cli.where import Where

    where = Where(DEFAULT_DB, endpoint_url, region, profile, function)
    invoke_command(where, event=event, name=name, no_wait=no_wait, as_json=as_json)


@service_app.command()
def pause(
    execution: Execution,
    *,
    reason: Reason = None,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Pause an execution: it is not invoked any more, what it waits for goes on.

    \b
    durable pause order-42
    durable pause order-42 --function orders --region eu-west-1 --reason "no payments today"
    """
    from durable_lambda.cli.inspection import pause_command
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile, function)
    pause_command(execution, where, reason=reason, as_json=as_json)


@service_app.command()
def resume(
    execution: Execution,
    *,
    reason: Reason = None,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Let a paused execution go on.

    \b
    durable resume order-42
    durable resume order-42 --function orders --region eu-west-1
    """
    from durable_lambda.cli.inspection import resume_command
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile, function)
    resume_command(execution, where, reason=reason, as_json=as_json)


@service_app.command()
def delete(
    execution: Execution,
    *,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Forget an execution that has ended, with its history.

    \b
    durable delete order-42
    durable delete order-42 --function orders --region eu-west-1
    """
    from durable_lambda.cli.inspection import delete_command
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile, function)
    delete_command(execution, where, as_json=as_json)


@service_app.command()
def cost(
    execution: Execution,
    *,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what AWS bills for an execution: operations, data written, data kept.

    \b
    durable cost order-42
    durable cost order-42 --function orders --region eu-west-1
    """
    from durable_lambda.cli.cost import cost_command
    from durable_lambda.cli.where import Where

    cost_command(execution, Where(db, endpoint_url, region, profile, function), as_json=as_json)

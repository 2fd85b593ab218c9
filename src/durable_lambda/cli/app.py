"""The commands and their options, and nothing else: what each does has a module of its own, imported when it is called.

What a command's docstring says is what `--help` shows; a paragraph after a line of `\\b` is kept as it is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from durable_lambda.cli.callback_app import callback_app
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
    Target,
)

app = typer.Typer(
    name="durable",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(callback_app, name="callback")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # late: only this option needs it

        typer.echo(f"durable-lambda {version('durable-lambda')}")
        raise typer.Exit


@app.callback()
def durable(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit")
    ] = False,
) -> None:
    """Run durable functions on this machine, look at them, answer their callbacks.

    \b
    durable run app.py:handler --event @order.json --name order-42
    durable show order-42
    durable callback success ID --result '{"approved": true}'
    """


@app.command()
def run(
    target: Target,
    *,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="JSON|@FILE", help="The event. To re-attach by --name it may be left out"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="N", help="The execution's name; a new one if left out")
    ] = None,
    db: Db = DEFAULT_DB,
    skip_time: Annotated[bool, typer.Option("--skip-time", help="Let waits and retry delays pass at once")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a durable function and show its operations as they go.

    Every completed operation is kept in FILE. Run the same command with the same --name again, after a crash or Ctrl-C,
    and the execution goes on where it stood; if it has ended, its result is shown.

    \b
    durable run app.py:handler --event '{"order_id": "order-42"}'
    durable run app.py:handler --event @order.json --name order-42
    durable run shop.orders:handler --event @order.json --skip-time --json

    Exit code: 0 the execution succeeded, 1 it did not, 2 the command is wrong, 130 interrupted.
    """
    from durable_lambda.cli.run import run_command

    run_command(target, event=event, name=name, db=db, skip_time=skip_time, as_json=as_json)


@app.command()
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


@app.command("list")
def list_(
    *,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """List the executions in FILE, or those of a function on AWS, the newest first.

    \b
    durable list
    durable list --db orders.db --json
    durable list --function orders --region eu-west-1
    """
    from durable_lambda.cli.inspection import list_command
    from durable_lambda.cli.where import Where

    list_command(Where(db, endpoint_url, region, profile, function), as_json=as_json)


@app.command()
def show(
    execution: Execution,
    *,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    follow: Annotated[bool, typer.Option("--follow", help="Until it ends; on AWS only")] = False,
    as_json: AsJson = False,
) -> None:
    """Show an execution: its operations as a tree, what it waits for, its result or error.

    \b
    durable show order-42
    durable show order-42 --json
    durable show order-42 --function orders --region eu-west-1 --follow
    """
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile, function)
    if follow:
        from durable_lambda.cli.invoking import follow_command

        follow_command(execution, where, as_json=as_json)
    else:
        from durable_lambda.cli.inspection import show_command

        show_command(execution, where, as_json=as_json)


@app.command()
def history(
    execution: Execution,
    *,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Print every event of an execution, in order.

    \b
    durable history order-42
    durable history order-42 --json > order-42.json
    """
    from durable_lambda.cli.inspection import history_command
    from durable_lambda.cli.where import Where

    history_command(execution, Where(db, endpoint_url, region, profile, function), as_json=as_json)


@app.command()
def stop(
    execution: Execution,
    *,
    message: Annotated[
        str | None, typer.Option("--message", metavar="TEXT", help="Why, for whoever reads its history")
    ] = None,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Stop an execution for good. It cannot be resumed.

    \b
    durable stop order-42 --message "ordered by mistake"
    """
    from durable_lambda.cli.inspection import stop_command
    from durable_lambda.cli.where import Where

    stop_command(execution, Where(db, endpoint_url, region, profile, function), message=message, as_json=as_json)


@app.command()
def pause(
    execution: Execution,
    *,
    reason: Reason = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Pause an execution on AWS: its waits and callbacks go on, its code does not.

    \b
    durable pause order-42 --function orders --region eu-west-1 --reason "no payments today"
    """
    from durable_lambda.cli.control import pause_command
    from durable_lambda.cli.where import Where

    where = Where(DEFAULT_DB, endpoint_url, region, profile, function)
    pause_command(execution, where, reason=reason, as_json=as_json)


@app.command()
def resume(
    execution: Execution,
    *,
    reason: Reason = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Let an execution go on that was paused on AWS.

    \b
    durable resume order-42 --function orders --region eu-west-1
    """
    from durable_lambda.cli.control import resume_command
    from durable_lambda.cli.where import Where

    where = Where(DEFAULT_DB, endpoint_url, region, profile, function)
    resume_command(execution, where, reason=reason, as_json=as_json)


@app.command()
def delete(
    execution: Execution,
    *,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    function: Function = None,
    as_json: AsJson = False,
) -> None:
    """Delete an execution on AWS that has ended, with its history.

    \b
    durable delete order-42 --function orders --region eu-west-1
    """
    from durable_lambda.cli.control import delete_command
    from durable_lambda.cli.where import Where

    where = Where(DEFAULT_DB, endpoint_url, region, profile, function)
    delete_command(execution, where, as_json=as_json)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where; its name becomes the function's")],
) -> None:
    """Write a new project: a durable function, its test, a template to deploy it.

    \b
    durable init greeting
    """
    from durable_lambda.cli.init import init_command

    init_command(folder)

"""The commands and their options, and nothing else: what each does has a module of its own, imported when it is called.

What a command's docstring says is what `--help` shows; a paragraph after a line of `\\b` is kept as it is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from durable_lambda.cli.callback_app import callback_app
from durable_lambda.cli.options import (
    DEFAULT_DB,
    AsJson,
    Db,
    EndpointUrl,
    Execution,
    Function,
    OnMismatch,
    Profile,
    Region,
    Target,
)
from durable_lambda.cli.service_app import service_app

app = typer.Typer(
    name="durable",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(callback_app, name="callback")
app.add_typer(service_app)


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
    on_mismatch: OnMismatch = "pause",
    as_json: AsJson = False,
) -> None:
    """Run a durable function and show its operations as they go.

    Every completed operation is kept in FILE. Run the same command with the same --name again, after a crash or Ctrl-C,
    and the execution goes on where it stood; if it has ended, its result is shown. If its code has changed so that it
    does not fit what was kept, the difference is shown, and the execution is paused until the code is mended.

    \b
    durable run app.py:handler --event '{"order_id": "order-42"}'
    durable run app.py:handler --event @order.json --name order-42
    durable run shop.orders:handler --event @order.json --skip-time --json

    Exit code: 0 the execution succeeded, 1 it did not, 2 the command is wrong, 130 Ctrl-C, 143 SIGTERM.
    """
    from durable_lambda.cli.run import run_command

    run_command(target, event=event, name=name, db=db, skip_time=skip_time, on_mismatch=on_mismatch, as_json=as_json)


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
    all_rows: Annotated[
        bool, typer.Option("--all", help="Show all branches, where there are many; a pipe gets all anyway")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show an execution: its operations as a tree, what it waits for, its result or error.

    \b
    durable show order-42
    durable show order-42 --all
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

        show_command(execution, where, all_rows=all_rows, as_json=as_json)


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
def replay(
    target: Target,
    history: Annotated[
        Path, typer.Argument(metavar="HISTORY", help="A history as JSON, or a folder with several (*.json)")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Replay recorded executions against the code as it is now, without side effects, and tell what differs.

    A HISTORY is what `durable history EXECUTION --json` prints, or GetDurableExecutionHistory of the service with the
    execution's data.

    \b
    durable replay app.py:handler order-42.json
    durable replay app.py:handler histories/

    Exit code: 0 the code goes the way of every history, 1 it does not, 2 the command is wrong or a file is no history.
    """
    from durable_lambda.cli.replay import replay_command

    replay_command(target, history, as_json=as_json)


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
def lint(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH...", help="Files and folders; the current folder if left out")
    ] = None,
    *,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="CODES", help="Only these rules; ALL for every one")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="CODES", help="All but these rules")] = None,
    output_format: Annotated[
        Literal["text", "json", "github"], typer.Option("--format", help="How findings are printed")
    ] = "text",
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Tell what a rule is for, and exit")
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 though something is found")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json")] = False,
) -> None:
    """Find in durable code what a replay would do otherwise, without running it.

    A line is silenced with `# noqa: CODE`. Rules are chosen in [tool.durable-lambda.lint] of pyproject.toml, too.

    \b
    durable lint
    durable lint src/orders.py --select DUR001,DUR008
    durable lint src --format github
    durable lint --explain DUR003

    Exit code: 0 nothing found, 1 something found, 2 a file could not be read, or the command is wrong.
    """
    from durable_lambda.cli.lint import explain_command, lint_command

    if explain is not None:
        explain_command(explain)
        return
    shape = "json" if as_json else output_format
    lint_command(paths or [Path()], select=select, ignore=ignore, output_format=shape, exit_zero=exit_zero)


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

"""More commands and their options: the server, and the care of its file.

As in `app.py`, what each does has a module of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from durable_lambda.cli.app import app
from durable_lambda.cli.options import DEFAULT_DB, AsJson, Db, OnMismatch

LogFormat = Literal["text", "json"]


@app.command()
def serve(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=]TARGET...", help="Durable functions to host in this process")
    ] = None,
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", help="0 for any that is free")] = 9000,
    db: Db = DEFAULT_DB,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=0, help="Run the TARGETs in so many processes, not in this one")
    ] = 0,
    reload: Annotated[
        bool, typer.Option("--reload", help="Begin workers anew when a Python file beside a TARGET changes")
    ] = False,
    invoke_endpoint: Annotated[
        str | None,
        typer.Option("--invoke-endpoint", metavar="URL", help="A Lambda Invoke endpoint that runs functions"),
    ] = None,
    functions: Annotated[
        Path | None,
        typer.Option("--functions", metavar="FILE", help="JSON: which functions that endpoint runs"),
    ] = None,
    runtime_api: Annotated[
        list[str] | None,
        typer.Option("--runtime-api", metavar="NAME=PORT", help="A function that Lambda Runtime API clients run"),
    ] = None,
    on_mismatch: OnMismatch = "pause",
    limit: Annotated[
        list[str] | None,
        typer.Option("--limit", metavar="NAME=N", help="Another limit than the service's: operations=10000"),
    ] = None,
    strict_qualifiers: Annotated[
        bool, typer.Option("--strict-qualifiers", help="Refuse a durable function's name without a qualifier")
    ] = False,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen on an address that other machines reach; needs a secret")
    ] = False,
    log_format: Annotated[LogFormat, typer.Option("--log-format", help="How log lines are written")] = "text",
) -> None:
    """Serve the Lambda API for durable functions: to boto3, the AWS CLI, any language's SDK.

    \b
    durable serve orders=app.py:handler --db orders.db
    aws lambda invoke --endpoint-url http://127.0.0.1:9000 --function-name 'orders:$LATEST' out.json
    durable serve app.py:handler --workers 4 --reload
    durable serve --runtime-api orders=9001
    durable serve --invoke-endpoint http://127.0.0.1:3001 --functions functions.json
    """
    from durable_lambda.cli.serve import ServeOptions, serve_command

    serve_command(
        ServeOptions(
            targets=targets or [],
            host=host,
            port=port,
            db=db,
            workers=workers,
            reload=reload,
            invoke_endpoint=invoke_endpoint,
            functions=functions,
            runtime_apis=runtime_api or [],
            on_mismatch=on_mismatch,
            limits=limit or [],
            strict_qualifiers=strict_qualifiers,
            allow_remote=allow_remote,
            log_format=log_format,
        )
    )


@app.command()
def backup(
    copy: Annotated[Path, typer.Argument(metavar="COPY", help="The name of a new file")],
    db: Db = DEFAULT_DB,
    as_json: AsJson = False,
) -> None:
    """Copy FILE as it is now, also while an engine is at work on it.

    \b
    durable backup orders-backup.db --db orders.db
    """
    from durable_lambda.cli.upkeep import backup_command

    backup_command(copy, db, as_json=as_json)


@app.command()
def vacuum(db: Db = DEFAULT_DB, as_json: AsJson = False) -> None:
    """Forget executions in FILE that were kept long enough, and give their space back. No engine may be at work on it.

    \b
    durable vacuum --db orders.db
    """
    from durable_lambda.cli.upkeep import vacuum_command

    vacuum_command(db, as_json=as_json)

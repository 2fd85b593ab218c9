"""`durable callback …`: its commands and their options."""

from __future__ import annotations

from typing import Annotated

import typer

from durable_lambda.cli.options import DEFAULT_DB, AsJson, CallbackId, Db, EndpointUrl, Profile, Region

callback_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Answer a callback, from any process.")


@callback_app.command()
def success(
    callback_id: CallbackId,
    *,
    result: Annotated[
        str | None, typer.Option("--result", metavar="JSON|@FILE", help="The answer; null if left out")
    ] = None,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Answer a callback with a result.

    \b
    durable callback success ID --result '{"approved": true, "by": "ada"}'
    durable callback success ID --result @answer.json --db orders.db
    """
    from durable_lambda.cli.answers import success_command
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile)
    success_command(callback_id, where, result=result, as_json=as_json)


@callback_app.command()
def failure(
    callback_id: CallbackId,
    *,
    error_type: Annotated[str | None, typer.Option("--error-type", metavar="T", help="The error's type")] = None,
    message: Annotated[str | None, typer.Option("--message", metavar="M", help="The error's message")] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="JSON|@FILE", help="More about the error")] = None,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Answer a callback with an error, which the function receives as CallbackExternalError.

    \b
    durable callback failure ID --error-type Declined --message "over the limit"
    """
    from durable_lambda.cli.answers import failure_command
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile)
    failure_command(callback_id, where, error_type=error_type, message=message, data=data, as_json=as_json)


@callback_app.command()
def heartbeat(
    callback_id: CallbackId,
    *,
    db: Db = DEFAULT_DB,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Tell that work on a callback goes on: starts its heartbeat timeout anew.

    \b
    durable callback heartbeat ID
    """
    from durable_lambda.cli.answers import heartbeat_command
    from durable_lambda.cli.where import Where

    where = Where(db, endpoint_url, region, profile)
    heartbeat_command(callback_id, where, as_json=as_json)

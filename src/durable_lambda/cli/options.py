"""The arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

DEFAULT_DB = Path("durable.db")

Target = Annotated[str, typer.Argument(metavar="TARGET", help="file.py:handler or package.module:handler")]
Execution = Annotated[str, typer.Argument(metavar="EXECUTION", help="The name of an execution, or its ARN")]
CallbackId = Annotated[str, typer.Argument(metavar="ID", help="The callback's id, as `durable show` tells it")]
Db = Annotated[Path, typer.Option("--db", metavar="FILE", help="The file in which executions are kept")]
EndpointUrl = Annotated[str | None, typer.Option("--endpoint-url", metavar="URL", help="A server of the Lambda API")]
Region = Annotated[str | None, typer.Option("--region", metavar="R", help="An AWS region")]
Profile = Annotated[str | None, typer.Option("--profile", metavar="P", help="A profile of the AWS configuration")]
Function = Annotated[str | None, typer.Option("--function", metavar="F", help="Whose execution the name is, on AWS")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for whoever reads its history")]
OnMismatch = Annotated[
    Literal["pause", "fail"],
    typer.Option("--on-mismatch", help="What becomes of an execution whose code has changed under it"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with the names that the service uses")]

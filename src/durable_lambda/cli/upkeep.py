"""`durable backup` and `durable vacuum`: the care of the file."""

from __future__ import annotations

import json
import time
from pathlib import Path

import typer

from durable_lambda.cli.database import refusals
from durable_lambda.engine.backup import back_up, compact


def backup_command(destination: Path, db: Path, *, as_json: bool) -> None:
    """Copy the file."""
    with refusals():
        size = back_up(str(db), str(destination))
    if as_json:
        typer.echo(json.dumps({"copy": str(destination), "bytes": size}))
    else:
        typer.echo(f"{db} is copied to {destination} ({size:,} bytes)")


def vacuum_command(db: Path, *, as_json: bool) -> None:
    """Make the file smaller."""
    with refusals():
        before, after = compact(str(db), time.time_ns() // 1_000_000)
    if as_json:
        typer.echo(json.dumps({"bytesBefore": before, "bytesAfter": after}))
    else:
        typer.echo(f"{db}: {before:,} bytes before, {after:,} bytes now")

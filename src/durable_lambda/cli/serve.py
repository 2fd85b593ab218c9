"""`durable serve`: an engine and its API, until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from durable_lambda.cli.database import refusals
from durable_lambda.cli.failure import FAILED, CommandError
from durable_lambda.cli.functions import EndpointFunction, read_functions
from durable_lambda.cli.target import hosted_name, load_target
from durable_lambda.engine import Engine
from durable_lambda.engine.api import Access, PortInUseError, Server
from durable_lambda.engine.remote.endpoint import DurableEndpointFunction, InvokeEndpoint, PlainEndpointFunction

TOKEN_VARIABLE: Final = "DURABLE_SERVE_TOKEN"
KEY_VARIABLE: Final = "DURABLE_SERVE_ACCESS_KEY_ID"
SECRET_VARIABLE: Final = "DURABLE_SERVE_SECRET_ACCESS_KEY"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says."""

    targets: Sequence[str]
    host: str
    port: int
    db: Path
    invoke_endpoint: str | None
    functions: Path | None
    strict_qualifiers: bool
    allow_remote: bool


def serve_command(options: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM."""
    access = _access(options)
    remote = _remote_functions(options)
    console = Console(stderr=True, highlight=False)
    with refusals():
        engine = Engine(options.db, strict_qualifiers=options.strict_qualifiers, any_account=True)
        with engine:
            names = _register_targets(engine, options.targets)
            names += _register_remote(engine, options.invoke_endpoint, remote)
            try:
                with Server(engine, host=options.host, port=options.port, access=access) as server:
                    console.print(f"durable-lambda serves {options.db} on {server.url}", soft_wrap=True)
                    console.print(f"functions: {', '.join(names) or 'none'}", soft_wrap=True)
                    _wait_for_signal()
            except PortInUseError as error:
                raise CommandError(str(error), FAILED) from error


def _register_targets(engine: Engine, targets: Sequence[str]) -> list[str]:
    names: list[str] = []
    for target in targets:
        name, equals, place = target.partition("=")
        function = load_target(place if equals else target)
        names.append(name if equals else hosted_name(function))
        engine.register(function, names[-1])
    return names


def _register_remote(engine: Engine, url: str | None, functions: Sequence[EndpointFunction]) -> list[str]:
    if url is None:
        return []
    endpoint = InvokeEndpoint(url)
    for function in functions:
        if function.durable is None:
            plain = PlainEndpointFunction(endpoint, function.name)
            engine.register(plain, function.name, invocation_timeout=function.timeout)
        else:
            engine.register(
                DurableEndpointFunction(endpoint, function.name),
                function.name,
                invocation_timeout=function.timeout,
                execution_timeout=function.durable.execution_timeout,
                retention=function.durable.retention_days * 86_400,
            )
    return [function.name for function in functions]


def _remote_functions(options: ServeOptions) -> list[EndpointFunction]:
    if (options.invoke_endpoint is None) != (options.functions is None):
        raise CommandError(
            "--invoke-endpoint and --functions belong together: where functions run, and which there are"
        )
    return [] if options.functions is None else read_functions(options.functions)


def _access(options: ServeOptions) -> Access:
    token, key, secret = (os.environ.get(name) or None for name in (TOKEN_VARIABLE, KEY_VARIABLE, SECRET_VARIABLE))
    if (key is None) != (secret is None):
        raise CommandError(f"{KEY_VARIABLE} and {SECRET_VARIABLE} belong together")
    access = Access(token, key, secret)
    if options.allow_remote and access.is_open:
        raise CommandError(
            f"--allow-remote needs a secret that clients prove: set {TOKEN_VARIABLE}, or {KEY_VARIABLE} and "
            f"{SECRET_VARIABLE}"
        )
    return access


def _wait_for_signal() -> None:
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    stop.wait()


def configure_logging(level: str) -> None:
    """Log to stderr."""
    logging.basicConfig(stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")

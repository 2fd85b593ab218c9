"""`durable serve`: an engine and its API, until it is told to end."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from durable_lambda.cli.collector import collect_seldom
from durable_lambda.cli.database import refusals
from durable_lambda.cli.failure import FAILED, CommandError
from durable_lambda.cli.functions import read_functions
from durable_lambda.cli.hosting import host_elsewhere, host_here, host_in_workers, load_targets, runtime_ports
from durable_lambda.cli.limits import adjusted_limits
from durable_lambda.cli.logs import configure_logs
from durable_lambda.cli.options import OnMismatch
from durable_lambda.cli.reload import watch_code
from durable_lambda.cli.workers import WorkerPool
from durable_lambda.engine import Engine
from durable_lambda.engine.api import Access, PortInUseError, Server
from durable_lambda.engine.api.access import is_loopback

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
    workers: int
    reload: bool
    invoke_endpoint: str | None
    functions: Path | None
    runtime_apis: Sequence[str]
    on_mismatch: OnMismatch
    limits: Sequence[str]
    strict_qualifiers: bool
    allow_remote: bool
    log_format: str


def serve_command(options: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM."""
    access = _access(options)
    ports = runtime_ports(options.runtime_apis)
    limits = adjusted_limits(options.limits)
    configured = {} if options.functions is None else read_functions(options.functions)
    release_logs = configure_logs(options.log_format)
    console = Console(stderr=True, highlight=False)
    stop = _on_signal()
    with refusals(), ExitStack() as stack:
        engine = stack.enter_context(
            Engine(
                options.db,
                limits=limits,
                strict_qualifiers=options.strict_qualifiers,
                any_account=True,
                on_mismatch=options.on_mismatch,
            )
        )
        server = _listen(stack, Server(engine, host=options.host, port=options.port, access=access))
        runtime_servers = [
            _listen(stack, Server(engine, host=options.host, port=port, access=access, function=name))
            for name, port in ports.items()
        ]
        targets = load_targets(options.targets)
        others = {name: each for name, each in configured.items() if name not in targets}
        names = [*targets, *host_elsewhere(engine, options.invoke_endpoint, others, ports)]
        if options.workers or options.reload:
            pool = _open_pool(stack, engine, options, access)
            host_in_workers(engine, targets, pool.outlet, configured)
            pool.open(server.url, max(1, options.workers))
        else:
            host_here(engine, targets, configured)
        collect_seldom()
        for each in (server, *runtime_servers):  # not before: a client would be told that there is no such function
            each.open()
        console.print(f"durable-lambda serves {options.db} on {server.url}", soft_wrap=True)
        console.print(f"functions: {', '.join(names) or 'none'}", soft_wrap=True)
        release_logs()
        stop.wait()
        console.print("ending: what runs goes on from its last checkpoint when this is started again")


def _listen(stack: ExitStack, server: Server) -> Server:
    """Take its port; it does not answer yet."""
    stack.callback(server.close)
    try:
        server.listen()
    except PortInUseError as error:
        raise CommandError(str(error), FAILED) from error
    return server


def _open_pool(stack: ExitStack, engine: Engine, options: ServeOptions, access: Access) -> WorkerPool:
    if not options.targets:
        raise CommandError("--workers and --reload need a TARGET: the functions that the worker processes run")
    pool = WorkerPool(engine, options.targets, token=access.worker_token)
    stack.callback(pool.close)
    if options.reload:
        stack.callback(watch_code(options.targets, pool.renew))
    return pool


def _access(options: ServeOptions) -> Access:
    token, key, secret = (os.environ.get(name) or None for name in (TOKEN_VARIABLE, KEY_VARIABLE, SECRET_VARIABLE))
    if (key is None) != (secret is None):
        raise CommandError(f"{KEY_VARIABLE} and {SECRET_VARIABLE} belong together")
    access = Access(token, key, secret, worker_token=secrets.token_urlsafe(32))
    if not options.allow_remote and not is_loopback(options.host):
        raise CommandError(f"{options.host} can be reached from other machines: add --allow-remote if that is meant")
    if options.allow_remote and access.is_open:
        raise CommandError(
            f"--allow-remote needs a secret that clients prove: set {TOKEN_VARIABLE}, or {KEY_VARIABLE} and "
            f"{SECRET_VARIABLE}"
        )
    return access


def _on_signal() -> threading.Event:
    stop = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop

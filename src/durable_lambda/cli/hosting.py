"""Where the functions of `durable serve` run: in this process, in worker processes, or wherever somebody runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from durable_lambda.cli.failure import CommandError
from durable_lambda.cli.functions import DURABLE, EventInvokeConfig, FunctionConfiguration
from durable_lambda.cli.target import hosted_name, load_target
from durable_lambda.engine import Engine
from durable_lambda.engine.remote.endpoint import DurableEndpointFunction, InvokeEndpoint, PlainEndpointFunction
from durable_lambda.engine.remote.outlet import Outlet, OutletFunction
from durable_lambda.protocol.hosting import DurableFunction

DAY: Final = 86_400


Configurations: TypeAlias = Mapping[str, FunctionConfiguration]


def host_here(engine: Engine, functions: Mapping[str, DurableFunction], configured: Configurations) -> None:
    """Host functions in this process."""
    for name, function in functions.items():
        _register(engine, name, function, configured.get(name, DURABLE))


def host_in_workers(engine: Engine, names: Iterable[str], outlet: Outlet, configured: Configurations) -> None:
    """Host functions that are run by workers, which fetch from an outlet."""
    for name in names:
        _register(engine, name, OutletFunction(name, outlet), configured.get(name, DURABLE))


def host_elsewhere(
    engine: Engine,
    invoke_endpoint: str | None,
    configured: Configurations,
    runtime_apis: Mapping[str, int],
) -> list[str]:
    """Host what an Invoke endpoint or the clients of a Runtime API run."""
    endpoint = None if invoke_endpoint is None else InvokeEndpoint(invoke_endpoint)
    behind_endpoint = [name for name in configured if name not in runtime_apis]
    if endpoint is not None and not configured:
        raise CommandError("--invoke-endpoint needs --functions FILE: which functions it runs")
    if endpoint is None and behind_endpoint:
        raise CommandError(
            f"nothing runs {', '.join(behind_endpoint)}: give --invoke-endpoint URL, or --runtime-api NAME=PORT"
        )
    for name in (*behind_endpoint, *runtime_apis):
        configuration = configured.get(name, DURABLE)
        if name in runtime_apis:
            _register(engine, name, OutletFunction(name, Outlet()), configuration)
        elif configuration.durable is None:
            assert endpoint is not None
            events = configuration.events or EventInvokeConfig()
            engine.register(
                PlainEndpointFunction(endpoint, name),
                name,
                invocation_timeout=configuration.timeout,
                event_retries=events.retries,
                max_event_age=events.max_age,
            )
        else:
            assert endpoint is not None
            _register(engine, name, DurableEndpointFunction(endpoint, name), configuration)
    return [*behind_endpoint, *runtime_apis]


def load_targets(targets: Sequence[str]) -> dict[str, DurableFunction]:
    """The functions of `[NAME=]TARGET`s, by the names that they are hosted under. Raises `CommandError`."""
    functions: dict[str, DurableFunction] = {}
    for target in targets:
        name, equals, place = target.partition("=")
        function = load_target(place if equals else target)
        known_as = name if equals else hosted_name(function)
        if known_as in functions:
            raise CommandError(f"two functions would be called {known_as!r}; write NAME={target}")
        functions[known_as] = function
    return functions


def runtime_ports(pairs: Sequence[str]) -> dict[str, int]:
    """The ports of `NAME=PORT`s, by function. Raises `CommandError`."""
    ports: dict[str, int] = {}
    for pair in pairs:
        name, _, port = pair.partition("=")
        if not name or not port.isdigit() or not 0 < int(port) < 65_536:
            raise CommandError(f"--runtime-api takes NAME=PORT, the name of a function and its port, not {pair!r}")
        ports[name] = int(port)
    return ports


def _register(engine: Engine, name: str, function: DurableFunction, configuration: FunctionConfiguration) -> None:
    durable = configuration.durable
    if durable is None:
        raise CommandError(
            f"{name} does not run behind an Invoke endpoint, so it must be durable: give it a DurableConfig in FILE"
        )
    engine.register(
        function,
        name,
        invocation_timeout=configuration.timeout,
        execution_timeout=durable.execution_timeout,
        retention=durable.retention_days * DAY,
    )

"""`--limit NAME=N` of `durable serve`: the service's limits, some of them adjusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from durable_lambda.cli.failure import CommandError
from durable_lambda.engine import Limits

_NAMES = {field.name: field.name.replace("_", "-") for field in fields(Limits) if field.type == "int"}


def adjusted_limits(pairs: Sequence[str]) -> Limits:
    """The limits with those of `NAME=N` in place of the service's. Raises `CommandError`."""
    changes: dict[str, int] = {}
    for pair in pairs:
        name, _, number = pair.partition("=")
        field = name.replace("-", "_")
        if field not in _NAMES:
            raise CommandError(f"there is no limit {name!r}; there are: {', '.join(sorted(_NAMES.values()))}")
        if not number.isdigit() or int(number) < 1:
            raise CommandError(f"--limit takes NAME=N, a whole number from 1, not {pair!r}")
        changes[field] = int(number)
    return replace(Limits(), **changes)

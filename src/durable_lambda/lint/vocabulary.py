"""The words of durable functions: the names that the SDK exports, and its operations, with what each runs.

It is written down here and not imported, so that linting needs nothing of the SDK; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PACKAGE: Final = "durable_lambda"
CONTEXTS: Final = {"DurableContext": None, "SyncDurableContext": False}
"""Classes of contexts, and whether their operations are awaited; `None`: as the function that takes it tells."""


FUNCTIONS: Final = ("durable_execution", "serve_lambda", "current_step")
"""Functions that the SDK exports; all else that it does are classes."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What an operation does with its arguments. A function that it runs is at a position, or has a keyword."""

    body: tuple[int, str] | None = None
    """Runs as a step: once, and not on a replay."""
    bodies: tuple[str, ...] = ()
    """The same, by keyword only."""
    child: tuple[int, str] | None = None
    """Runs with a context of its own, as durable code: `fn(*args, ctx)`."""
    branches: bool = False
    """The second argument is a list or dict of functions of a context."""
    keyword_branches: bool = False
    """Each keyword argument is a function of a context."""
    pure: tuple[str, ...] = ()
    """Keywords of functions that a replay calls again."""
    is_operation: bool = True
    """Whether it gives something to await."""
    is_named: bool = True
    """Whether its first argument is a name."""


OPERATIONS: Final[dict[str, Signature]] = {
    "step": Signature(body=(1, "fn")),
    "wait": Signature(),
    "create_callback": Signature(),
    "callback_result": Signature(is_named=False),
    "wait_for_callback": Signature(body=(1, "submitter")),
    "wait_for_condition": Signature(body=(1, "check"), pure=("until",)),
    "invoke": Signature(),
    "run_in_child_context": Signature(child=(1, "fn")),
    "parallel": Signature(branches=True),
    "map": Signature(child=(2, "fn"), pure=("item_name",)),
    "first": Signature(keyword_branches=True),
    "timeout": Signature(child=(2, "fn")),
    "with_retry": Signature(child=(1, "fn")),
    "now": Signature(is_named=False),
    "flush": Signature(is_named=False),
    "saga": Signature(is_operation=False),
    "batch_checkpoints": Signature(is_operation=False, is_named=False),
    "uuid": Signature(is_operation=False, is_named=False),
    "random": Signature(is_operation=False, is_named=False),
    "patched": Signature(is_operation=False),
}
SAGA_OPERATIONS: Final[dict[str, Signature]] = {
    "step": Signature(body=(1, "fn"), bodies=("compensate",)),
    "run_compensations": Signature(is_named=False),
}
ATTRIBUTES: Final = {
    "logger",
    "is_replaying",
    "execution_arn",
    "execution_name",
    "parent_id",
    "remaining_time",
    "lambda_context",
}
"""What a context has beside its operations."""


def signature_of(name: str, *, of_saga: bool) -> Signature | None:
    """What a method of a context or a saga does, if it is one."""
    return (SAGA_OPERATIONS if of_saga else OPERATIONS).get(name)


def in_package(path: str) -> str | None:
    """The exported name that a dotted path ends with, wherever in the package it was imported from."""
    head, _, rest = path.partition(".")
    name = rest.rpartition(".")[2]
    return name if head == PACKAGE and (name[:1].isupper() or name in FUNCTIONS) and "(" not in path else None

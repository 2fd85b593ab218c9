"""Time, ids, numbers and a switch for changed code, the same on every replay.

The time is recorded. Ids and numbers are drawn from the execution and the place in the code, so they need no record;
they have a count of their own and move no operation. A patch is a marker whose id is its name, so that it moves none
either.
"""

from __future__ import annotations

import uuid as _uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from durable_lambda.arguments import check_name
from durable_lambda.errors import ValidationError
from durable_lambda.operations.step import Step
from durable_lambda.protocol.updates import OperationUpdate
from durable_lambda.runtime.ids import operation_id
from durable_lambda.runtime.scope import Scope

if TYPE_CHECKING:
    from random import Random


NOW: Final = "Now"
"""The sub type of the step that records the time."""


class Now(Step[datetime]):
    """A step that reads the clock."""

    __slots__ = ()
    sub_type = NOW
    verb = "now"

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope, "now", _clock, (), result_type=datetime, inline=True)


def _clock() -> datetime:
    return datetime.now(UTC)


def uuid(scope: Scope) -> _uuid.UUID:
    """An id for this place in this execution."""
    return _uuid.UUID(bytes=scope.draw("uuid")[:16], version=4)


def random(scope: Scope) -> Random:
    """A generator of numbers for this place in this execution."""
    from random import Random  # late: an import that a cold start can do without

    return Random(int.from_bytes(scope.draw("random"), "big"))


def patched(scope: Scope, name: str) -> bool:
    """Whether this execution takes the changed way: it has not passed this place yet, or took it before."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValidationError(f"patched() takes the name of a change, not {name!r}")
    check_name(name, "patched")
    strand = scope.strand("patched()")
    marker = operation_id(f"{strand.prefix}patch-{name}")
    known = scope.patches.get(marker)
    if known is None:
        recorded = scope.journal.recorded.pop(marker, None) is not None
        known = recorded or not scope.is_replaying
        if known and not recorded:
            scope.invocation.quota.admit(f"patched {name!r}", name=name, operation_id=marker)
        scope.patches[marker] = known
        if known and not recorded:
            # Before everything that the changed way does, so there is no story in which that is stored and this is not.
            fields = marker, "STEP"
            scope.announce(OperationUpdate(*fields, "START", scope.parent_id, name, "Patch"))
            scope.announce(OperationUpdate(*fields, "SUCCEED", scope.parent_id, name, "Patch", "true"))
    return known

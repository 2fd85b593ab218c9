"""How many operations an execution may have, watched where they begin.

The service ends an execution that exceeds its limit, and whatever it was doing is lost. So the call that would exceed
it is refused, with nothing sent, and the function can still decide. What counts is what this invocation knows: the
history that it was given, and what it has begun. The service leaves out of a history what is inside of contexts that
are over, so there the limit may come sooner; it watches itself too.
"""

from __future__ import annotations

from typing import Final

from durable_lambda.errors import ValidationError

CODE: Final = "OPERATION_LIMIT"

_ADVICE: Final = (
    'Do more in each step, pass nesting="flat" to map and parallel, which then record no operation of a branch, or '
    "give parts of the work executions of their own with ctx.invoke(); an engine of your own may allow more: "
    "Engine(limits=Limits(operations=…))"
)


class OperationQuota:
    """Args:
    limit: How many operations there may be; `None` for any number.
    begun: How many there are.
    """

    def __init__(self, limit: int | None, begun: int) -> None:
        self.limit = limit
        self.begun = begun

    def admit(self, label: str, needed: int = 1, *, name: str | None, operation_id: str) -> None:
        """Count an operation that begins.

        Args:
            label: The operation as messages name it.
            needed: How many it surely is: itself, unless it leaves no record, and what is known to begin in it.
            name: Of the operation.
            operation_id: Of the operation.

        Raises:
            ValidationError: They are too many; nothing was sent.
        """
        if self.limit is not None and self.begun + needed > self.limit:
            inside = " and what begins in it" if needed > 1 else ""
            raise ValidationError(
                f"{label}{inside} would make it {self.begun + needed} operations in this execution, and the limit is "
                f"{self.limit} (durable operations per execution, AWS Lambda quotas); {self.begun} have begun, and "
                f"nothing of this one was sent. {_ADVICE}",
                code=CODE,
                operation_name=name,
                operation_id=operation_id,
            )
        self.begun += min(needed, 1)  # what is inside of it counts when it begins

"""How each program is begun and what its callbacks are answered, by whoever runs it. No SDK is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """To one callback."""

    result: bytes | None = None
    error: dict[str, Any] | None = None
    is_after_a_heartbeat: bool = False


YES = Answer(b"yes")
NO = Answer(error={"ErrorType": "Refusal", "ErrorMessage": "no way"})

ANSWERS = {
    "callback": [Answer(b"yes", is_after_a_heartbeat=True)],
    "refused_callback": [NO],
    "wait_for_callback": [Answer(b'"yes"'), Answer(b'"yes again"')],
    "refused_wait_for_callback": [NO],
    "waiting_branches": [YES],
    "everything": [YES],
    "uncaught_callback": [NO],
    "uncaught_wait_for_callback": [NO],
    "empty_callback": [Answer()],
    "retried_submitter": [YES],
}
"""By program, in the order in which it creates them. No other callback is answered."""


def event_of(program: str) -> dict[str, Any]:
    return {"program": program, "given": "by the caller"}

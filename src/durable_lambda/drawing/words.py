"""What is said of one operation: its kind, how it stands, how long it took, what went wrong. Pure, as `tree` is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from durable_lambda.protocol.operations import ErrorObject, Operation, StepDetails, Timestamp, epoch_seconds

_KINDS: Final = {
    "ChainedInvoke": "invoke",
    "MapIteration": "item",
    "ParallelBranch": "branch",
    "Patch": "patched",
}
"""Sub-types that the API has another word for; any other is spelled as the method is: `WaitForCallback` is
`wait_for_callback`."""
_MAX_MESSAGE: Final = 100


def kind_of(operation: Operation) -> str:
    """What the API calls it."""
    name = operation.sub_type or operation.type.title().replace("_", "")
    return _KINDS.get(name) or re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def state_of(operation: Operation) -> str:
    """How it stands, in one word or two."""
    if operation.status in ("STARTED", "READY"):
        return "waiting" if operation.type in ("WAIT", "CALLBACK", "CHAINED_INVOKE") else "running"
    if operation.status == "PENDING":
        return "retrying"
    return operation.status.lower().replace("_", " ")


def attempts_of(operation: Operation) -> str:
    """Which attempt of a step it is at, from the second on."""
    if operation.type != "STEP":
        return ""
    ended = (operation.step_details or StepDetails()).attempt
    current = ended + 1 if operation.status in ("STARTED", "READY") else ended
    return f"attempt {current}" if current > 1 or operation.status == "PENDING" else ""


def elapsed_of(operation: Operation, now: float) -> str:
    """How long it took, or has taken so far."""
    start = epoch_seconds(operation.start_timestamp)
    if not start:
        return ""
    end = now if operation.end_timestamp is None else epoch_seconds(operation.end_timestamp)
    return duration(max(0.0, end - start))


def detail_of(operation: Operation, now: float) -> str:
    """What it waits for, or what it failed with."""
    error = error_text(error_of(operation))
    if operation.type == "WAIT" and operation.status == "STARTED" and operation.wait_details:
        return _until("until", operation.wait_details.scheduled_end_timestamp, now)
    if operation.type == "CALLBACK" and operation.status == "STARTED":
        return "for an answer"
    if operation.status == "PENDING" and operation.step_details:
        again = _until("again at", operation.step_details.next_attempt_timestamp, now)
        return f"{again} after {error}" if error and again else error or again
    return error if operation.is_terminal and operation.status != "SUCCEEDED" else ""


def _until(words: str, timestamp: Timestamp | None, now: float) -> str:
    if timestamp is None:
        return ""
    left = epoch_seconds(timestamp) - now
    return f"{words} {moment(timestamp, now)}" + (f" (in {duration(left)})" if left > 0 else "")


def hint_of(operation: Operation, answer: str) -> str:
    """The command that answers it, for a callback that is open."""
    details = operation.callback_details
    if operation.type != "CALLBACK" or operation.status != "STARTED" or details is None or not details.callback_id:
        return ""
    return answer_command(details.callback_id, answer)


def answer_command(callback_id: str, answer: str = "") -> str:
    """The command that answers a callback."""
    return f"durable callback success {callback_id} --result JSON{answer}"


def duration(seconds: float) -> str:
    """A length of time for people: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 0 min`, `2 d 4 h`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, smaller, small_unit in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {small_unit}"
    return f"{whole} s"


def moment(timestamp: Timestamp, now: float) -> str:
    """A moment in local time, with the date unless it is today."""
    then = datetime.fromtimestamp(epoch_seconds(timestamp)).astimezone()
    today = datetime.fromtimestamp(now).astimezone()
    return then.strftime("%H:%M:%S" if then.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def error_text(error: ErrorObject | None) -> str:
    """`PaymentUnavailable: no answer`, on one line."""
    text = " ".join(failure_text(error).split())
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


def failure_text(error: ErrorObject | None) -> str:
    """The same with all its lines."""
    if error is None:
        return ""
    said = error.error_data if error.error_message is None else error.error_message
    return visible(": ".join(part for part in (error.error_type, said) if part))


def visible(text: str) -> str:
    """The text with its control characters shown instead of obeyed: what an error says is data."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)


def error_of(operation: Operation) -> ErrorObject | None:
    """What is recorded of an operation's failure, whichever its type."""
    details = (
        operation.step_details
        or operation.context_details
        or operation.callback_details
        or operation.chained_invoke_details
    )
    return details.error if details else None

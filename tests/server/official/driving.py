"""Runs programs on a server: starts them all, answers their callbacks, and reads what came of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from server.official.answers import ANSWERS, Answer, event_of
from server.official.outcomes import Outcome
from server.serving import Served

DEADLINE = 120
FUNCTION = "programs"


@dataclass
class Waiting:
    """An execution that has callbacks to be answered."""

    arn: str
    answers: list[Answer]
    answered: set[str] = field(default_factory=set)


def run_all(served: Served, programs: Sequence[str]) -> dict[str, Outcome]:
    """What came of each program. They run side by side."""
    arns = {program: served.start(FUNCTION, event_of(program), program) for program in programs}
    waiting = [Waiting(arns[program], list(ANSWERS[program])) for program in programs if program in ANSWERS]
    ends_at = time.monotonic() + DEADLINE
    while running := still_running(served):
        assert time.monotonic() < ends_at, (running, {name: served.events(arns[name]) for name in running})
        for each in waiting:
            answer_next(served, each)
        time.sleep(0.05)
    return {program: outcome_of(served, arn) for program, arn in arns.items()}


def still_running(served: Served) -> list[str]:
    """The programs that have not ended."""
    asked = {"FunctionName": FUNCTION, "Statuses": ["RUNNING"], "MaxItems": 1000}
    answer = served.client.list_durable_executions_by_function(**asked)
    return [execution["DurableExecutionName"] for execution in answer["DurableExecutions"]]


def answer_next(served: Served, waiting: Waiting) -> None:
    """Answer the callback that an execution waits for, if it does."""
    if not waiting.answers:
        return
    events = history(served, waiting.arn)
    ids = [each["CallbackStartedDetails"]["CallbackId"] for each in events if each["EventType"] == "CallbackStarted"]
    unanswered = [each for each in ids if each not in waiting.answered]
    if not unanswered or events[-1]["EventType"] != "InvocationCompleted":
        return
    callback_id, answer = unanswered[0], waiting.answers.pop(0)
    waiting.answered.add(callback_id)
    if answer.is_after_a_heartbeat:
        served.client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)
    if answer.error is not None:
        served.client.send_durable_execution_callback_failure(CallbackId=callback_id, Error=answer.error)
    elif answer.result is None:
        served.client.send_durable_execution_callback_success(CallbackId=callback_id)
    else:
        served.client.send_durable_execution_callback_success(CallbackId=callback_id, Result=answer.result)


def outcome_of(served: Served, arn: str) -> Outcome:
    return Outcome.read({**served.told(arn), "Events": history(served, arn)})


def history(served: Served, arn: str) -> list[dict[str, Any]]:
    """All of it, in pages."""
    pages = served.client.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=arn)
    return [event for page in pages for event in page["Events"]]

"""Runs in the official runner's environment: `python runner.py PROGRAM…`, each in the process. Tells all in JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import functions
from answers import ANSWERS, event_of
from aws_durable_execution_sdk_python.lambda_service import ErrorObject
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

DEADLINE = 120


def run(program: str) -> dict[str, Any]:
    """What came of it, in the shape of the service's answers."""
    with DurableFunctionTestRunner(functions.programs) as runner:
        runner.register_durable_function("prices", functions.prices)
        runner.register_durable_function("refuses", functions.refuses)
        arn = runner.run_async(json.dumps(event_of(program)), DEADLINE)
        for number, answer in enumerate(ANSWERS.get(program, ())):
            callback_id = callback_of(runner, arn, number)
            if answer.is_after_a_heartbeat:
                runner.send_callback_heartbeat(callback_id)
            if answer.error is None:
                runner.send_callback_success(callback_id, answer.result)
            else:
                runner.send_callback_failure(callback_id, ErrorObject.from_dict(answer.error))
        told = runner.wait_for_result(arn, DEADLINE)
        return {
            "Status": told.execution_status.value,
            "Result": told.result,
            "Error": told.error and told.error.to_dict(),
            "Events": runner.get_execution_history(arn, include_execution_data=True).to_dict()["Events"],
        }


def callback_of(runner: DurableFunctionTestRunner, arn: str, number: int) -> str:
    """The id of a callback, counted from 0, once the function waits for it. The runner's own way finds the first."""
    ends_at = time.monotonic() + DEADLINE
    while True:
        events = runner.get_execution_history(arn).events
        started = [each for each in events if each.event_type == "CallbackStarted"]
        if number < len(started) and events[-1].event_type == "InvocationCompleted":
            return started[number].callback_started_details.callback_id
        assert time.monotonic() < ends_at, [each.event_type for each in events]
        time.sleep(0.02)


if __name__ == "__main__":
    programs = sys.argv[1:]
    with ThreadPoolExecutor(4) as pool:
        outcomes = dict(zip(programs, pool.map(run, programs), strict=True))
    json.dump(outcomes, sys.stdout, default=str)
    sys.stdout.flush()
    os._exit(0)  # the runner's threads go on

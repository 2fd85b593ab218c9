"""Runs in the official runner's environment: `python cloud.py URL PROGRAM`. Its runner for functions on AWS runs one
of the server's, and tells what it reads."""

from __future__ import annotations

import json
import sys

from answers import ANSWERS, event_of
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionCloudTestRunner


def main(url: str, program: str) -> None:
    runner = DurableFunctionCloudTestRunner("programs:$LATEST", lambda_endpoint=url, poll_interval=0.1)
    arn = runner.run_async(event_of(program))
    for answer in ANSWERS[program]:
        runner.send_callback_success(runner.wait_for_callback(arn), answer.result)
    told = runner.wait_for_result(arn, 120)
    operations = [
        (each.parent_id, each.sub_type, each.name, each.operation_type.value, each.status.value)
        for each in told.get_all_operations()
    ]
    json.dump({"status": told.status.value, "result": told.result, "operations": operations}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

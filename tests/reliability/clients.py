"""Threads that are clients of a server which dies under them: they start executions, answer callbacks, and keep asking.

What a client was told once is written to a file, to be held against what the dead server left. A start or an answer
that was acknowledged is not made again: one that is lost leaves an execution that is not there, or stuck.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from reliability import payments
from reliability.orders import FUNCTION

APPROVAL = b'{"approved": true, "by": "grace"}'
REST_SECONDS = 0.1
"""Between two questions of a client."""
SERVER_IS_DEAD = (HTTPClientError, NoConnectionError)
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED")


def connect(url: str) -> Any:
    """A client that tries nothing by itself a second time."""
    config = Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=20)
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    # A session of its own: the default one may not be used by several threads.
    client = boto3.session.Session().client("lambda", endpoint_url=url, region_name="us-east-1", config=config, **keys)
    client.meta.events.register("after-call.lambda", refuse_half_an_answer)
    return client


def refuse_half_an_answer(http_response: Any, **_: Any) -> None:
    """botocore takes an answer that was cut off for an empty one."""
    length = http_response.headers.get("content-length")
    if isinstance(http_response.content, bytes) and (length is None or len(http_response.content) < int(length)):
        raise ConnectionClosedError(endpoint_url="the server, which died while it answered")


class Pursuit:
    """One execution, from its start to its end, whatever becomes of the server meanwhile."""

    def __init__(self, function: str, event: Any, name: str) -> None:
        self.name = name
        self.arn: str | None = None
        self.status: str | None = None
        self.result: Any = None
        self._request = {"FunctionName": f"{function}:$LATEST", "Payload": json.dumps(event).encode()}
        self._told = 0
        self._answered: set[str] = set()

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    def advance(self, client: Any) -> list[str]:
        """Ask once, and do what is to be done. Returns the lines of what was told for the first time."""
        if self.arn is None:
            answer = client.invoke(InvocationType="Event", DurableExecutionName=self.name, **self._request)
            self.arn = answer["DurableExecutionArn"]
        pages = client.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=self.arn)
        events = [event for page in pages for event in page["Events"]]
        lines = [f"{self.name} {event.get('Id')} {event['EventType']}" for event in events[self._told :]]
        self._told = len(events)
        self._answer(client, events)
        if events[-1]["EventType"].startswith("Execution") and len(events) > 1:
            told = client.get_durable_execution(DurableExecutionArn=self.arn)
            self.status = told["Status"]
            self.result = json.loads(told.get("Result", "null"))
        return lines

    def forget(self, client: Any) -> None:
        """Have the server delete it."""
        client.delete_durable_execution(DurableExecutionArn=self.arn)

    def _answer(self, client: Any, events: Sequence[dict[str, Any]]) -> None:
        """Answer the approval, once somebody was asked for it."""
        if not any(each.get("Name") == "ask for approval" and each["EventType"] == "StepSucceeded" for each in events):
            return
        closed = {each["Id"] for each in events if each["EventType"] == "CallbackSucceeded"}
        for event in events:
            if event["EventType"] == "CallbackStarted" and event["Id"] not in closed | self._answered:
                callback_id = event["CallbackStartedDetails"]["CallbackId"]
                client.send_durable_execution_callback_success(CallbackId=callback_id, Result=APPROVAL)
                self._answered.add(event["Id"])


class Clients:
    """So many threads that share the executions among them; each has one under way at a time."""

    def __init__(
        self, url: str, number: int, told: Path, orders: Sequence[dict[str, Any]], payment_names: Sequence[str]
    ) -> None:
        pursuits = [Pursuit(FUNCTION, order, order["order_id"]) for order in orders]
        pursuits += [Pursuit(payments.FUNCTION, name, name) for name in payment_names]
        self._url = url
        self._told = told
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._problems: list[str] = []
        self._threads = [
            threading.Thread(target=self._pursue, args=(pursuits[start::number],)) for start in range(number)
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether all executions have ended within so many seconds."""
        ends_at = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> list[str]:
        """Ask no more. Returns what clients met with that no death of the server explains."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        return self._problems

    def _pursue(self, pursuits: Sequence[Pursuit]) -> None:
        client = connect(self._url)
        for pursuit in pursuits:
            while not pursuit.has_ended and not self._is_over.is_set():
                self._advance(pursuit, client)
                self._is_over.wait(REST_SECONDS)
        client.close()

    def _advance(self, pursuit: Pursuit, client: Any) -> None:
        try:
            lines = pursuit.advance(client)
        except SERVER_IS_DEAD:
            return
        except ClientError as error:
            # The acknowledgement of an answer can be lost with the server; then the second one comes too late.
            if error.response["Error"]["Code"] != "CallbackTimeoutException":
                with self._lock:
                    self._problems.append(f"{pursuit.name}: {error}")
            return
        with self._lock, self._told.open("a") as told:
            told.writelines(f"{line}\n" for line in lines)

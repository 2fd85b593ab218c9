"""An approval that another process gives, through the file, to an engine that is killed as it takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from durable_lambda.engine import FileClient
from durable_lambda.engine.inbox import Request, Response
from durable_lambda.engine.mailbox import Mailbox
from reliability.boundaries import Boundary
from reliability.conftest import InParallel
from reliability.fork_server import ForkServer
from reliability.ordeal import Kill, Ordeal
from reliability.orders import large_order
from reliability.victim import APPROVAL


def callback_of(ordeal: Ordeal) -> str:
    """The id of the callback that the order waits for."""
    [remains] = ordeal.aftermath.executions.values()
    [details] = [each.callback_details for each in remains.operations if each.callback_details is not None]
    assert details.callback_id is not None
    return details.callback_id


@pytest.mark.parametrize("kind", ["before reply", "replied"])
def test_a_request_is_done_once_and_answered_though_the_engine_is_killed_as_it_takes_it(
    in_parallel: InParallel[Any, Any], tmp_path: Path, kind: Boundary
) -> None:
    def answered(server: ForkServer, name: str) -> tuple[Response, list[tuple[str, str]]]:
        ordeal = Ordeal(server, tmp_path / name, orders=[large_order()])
        ordeal.until_asked()
        with Mailbox(str(ordeal.folder / "orders.db")) as mailbox:
            request = Request("success", callback_of(ordeal), json.dumps(APPROVAL))
            number = mailbox.post(msgspec.json.encode(request))
        assert ordeal.live(Kill(kind, 1)).how == "killed"
        ordeal.finish()
        with Mailbox(str(ordeal.folder / "orders.db")) as mailbox:
            answer = mailbox.fetch(number)
        assert answer is not None
        return msgspec.json.decode(answer, type=Response), ordeal.problems

    assert in_parallel(answered, ["order"]) == [(Response(), [])]


def test_an_answer_given_while_no_engine_runs_is_there_after_the_next_kill(
    in_parallel: InParallel[Any, Any], tmp_path: Path
) -> None:
    def answered(server: ForkServer, number: int) -> list[tuple[str, str]]:
        ordeal = Ordeal(server, tmp_path / str(number), orders=[large_order()])
        ordeal.until_asked()
        with FileClient(ordeal.folder / "orders.db") as client:
            client.send_callback_success(callback_of(ordeal), APPROVAL)
        ordeal.live(Kill("before commit", number))
        ordeal.finish()
        return ordeal.problems

    assert in_parallel(answered, range(1, 5)) == [[]] * 4

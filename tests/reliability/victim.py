"""The process that is killed: an engine on a real file, with orders and payments to carry to their ends.

Started again, it asks for the same executions by the same names, and so goes on with those that there are. It also
answers the approvals that orders wait for.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from durable_lambda.engine import Engine, Execution, RealClock, SkippingClock
from durable_lambda.protocol.errors import CallbackTimeoutException
from reliability import orders, payments
from reliability.boundaries import Boundaries

app = orders.load_app()

APPROVAL = {"approved": True, "by": "grace"}
WAREHOUSE_SECONDS = 0.06
"""Instead of half a second; still long enough for a START to be sent before its SUCCEED."""


async def _warehouse(_: float) -> None:
    await asyncio.sleep(WAREHOUSE_SECONDS)


def main(job: dict[str, Any]) -> None:
    """Carry everything to its end. Then write how many boundaries there were."""
    folder = Path(job["folder"])
    os.environ["ORDER_EFFECTS"] = str(folder / "effects")
    app.asyncio = SimpleNamespace(gather=asyncio.gather, sleep=_warehouse)  # type: ignore[attr-defined]
    boundaries = Boundaries(*job.get("kill", ()))
    boundaries.install(folder / "told")
    payments.IN_BODY[:] = [lambda: boundaries.reach("body")]
    clock = RealClock() if job.get("real_time") else SkippingClock()
    with Engine(folder / "orders.db", clock=clock) as engine:
        engine.register(app.handler)
        engine.register(payments.pay_all)
        running = [
            engine.start(orders.FUNCTION, order, execution_name=order["order_id"]) for order in job.get("orders", ())
        ]
        running += [engine.start(payments.FUNCTION, name, execution_name=name) for name in job.get("payments", ())]
        attend(engine, running, until_asked=job.get("until_asked", False))
    (folder / "counts").write_text(json.dumps(boundaries.counts))


def attend(engine: Engine, running: list[Execution], *, until_asked: bool) -> None:
    """Answer what is waited for, until all have ended; or leave as soon as every execution waits for an answer."""
    changed = threading.Event()
    for execution in running:
        execution.watch(changed.set)
    while running:
        changed.wait()
        changed.clear()
        asked = [callback_id for execution in running if (callback_id := open_callback(execution)) is not None]
        if until_asked and len(asked) == len(running):
            return
        for callback_id in asked:
            with suppress(CallbackTimeoutException):  # answered by another process meanwhile
                engine.send_callback_success(callback_id, APPROVAL)
        running = [execution for execution in running if execution.status == "RUNNING"]


def open_callback(execution: Execution) -> str | None:
    """The id of the callback that an execution waits for, once somebody was asked."""
    operations = execution.operations()
    if not any(each.name == "ask for approval" and each.status == "SUCCEEDED" for each in operations):
        return None
    waiting = [each.callback_details for each in operations if each.type == "CALLBACK" and each.status == "STARTED"]
    return waiting[0].callback_id if waiting and waiting[0] is not None else None

"""The example order: by itself on an engine without a file, and as `make demo` shows it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from durable_lambda.engine import Engine, Execution, SkippingClock
from durable_lambda.errors import ExecutionFailedError

EXAMPLE = Path(__file__).parents[2] / "examples" / "order_processing"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The example as the command line loads it: under its stem."""
    monkeypatch.setenv("ORDER_EFFECTS", str(tmp_path / "effects.log"))
    spec = importlib.util.spec_from_file_location("app", EXAMPLE / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "app", module)
    spec.loader.exec_module(module)
    return module


def order(name: str) -> dict[str, Any]:
    return json.loads((EXAMPLE / name).read_text())


def test_a_small_order_goes_through_and_each_effect_happens_once(app: ModuleType, tmp_path: Path) -> None:
    with Engine(clock=SkippingClock()) as engine:
        engine.register(app.handler)
        receipt = engine.start("process_order", order("order.json")).result(timeout=20)
    assert receipt == {
        "order_id": "order-1042",
        "payment_id": "pay-order-1042",
        "amount": "90.40",
        "reservations": ["tea-kettle/1", "earl-grey-250g/3", "cup-blue/4"],
        "tracking": "track-order-1042",
        "approved_by": None,
    }
    effects = (tmp_path / "effects.log").read_text().splitlines()
    assert len(effects) == len(set(effects)) == 7


def test_an_order_without_lines_is_rejected(app: ModuleType) -> None:
    with Engine(clock=SkippingClock()) as engine:
        engine.register(app.handler)
        execution = engine.start("process_order", {"order_id": "o", "customer": "c", "lines": []})
        with pytest.raises(ExecutionFailedError, match="o has nothing to ship"):
            execution.result(timeout=20)


def open_callback(execution: Execution) -> str:
    """The id of the callback that the execution waits for, once it does."""
    changed = threading.Event()
    execution.watch(changed.set)
    for _ in range(100):
        changed.clear()
        for operation in execution.operations():
            if operation.callback_details is not None and operation.callback_details.callback_id is not None:
                return operation.callback_details.callback_id
        changed.wait(timeout=5)
    raise AssertionError("it asks for no approval")


def test_a_large_order_that_is_not_approved_is_rejected_and_charges_nothing(app: ModuleType, tmp_path: Path) -> None:
    with Engine() as engine:
        engine.register(app.handler)
        execution = engine.start("process_order", order("order_large.json"))
        engine.send_callback_success(open_callback(execution), {"approved": False, "by": "grace"})
        with pytest.raises(ExecutionFailedError, match="grace did not approve order-1043"):
            execution.result(timeout=20)
    assert not any("charged" in line for line in (tmp_path / "effects.log").read_text().splitlines())


def test_the_demo_runs_unattended_to_its_receipts(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, str(EXAMPLE / "demo.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=50,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert '"approved_by": "grace"' in demo.stdout
    assert "kill -9" in demo.stdout
    assert "Each effect happened once" in demo.stdout
    assert "Traceback" not in demo.stderr

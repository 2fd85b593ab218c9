"""Orders for the example, each with effects that nobody else's steps have, and the receipt that it must end with."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "order_processing"
FUNCTION = "process_order"


def load_app() -> ModuleType:
    """The example, as the command line loads it."""
    if "app" not in sys.modules:
        spec = importlib.util.spec_from_file_location("app", EXAMPLE / "app.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules["app"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["app"])
    return sys.modules["app"]


def small_order() -> dict[str, Any]:
    return json.loads((EXAMPLE / "order.json").read_text())


def large_order() -> dict[str, Any]:
    """One that waits for an approval."""
    return json.loads((EXAMPLE / "order_large.json").read_text())


def many_orders(count: int) -> list[dict[str, Any]]:
    """Orders of which no two have an effect in common; every fourth is large."""
    return [_variant(large_order() if number % 4 == 3 else small_order(), number) for number in range(count)]


def _variant(order: dict[str, Any], number: int) -> dict[str, Any]:
    order = copy.deepcopy(order)
    order["order_id"] += f"-{number}"
    for line in order["lines"]:
        line["sku"] += f"-{number}"
    order["lines"][0]["price"] = str(Decimal(order["lines"][0]["price"]) + number)
    return order


def total(order: dict[str, Any]) -> Decimal:
    return sum((Decimal(line["price"]) * line["quantity"] for line in order["lines"]), Decimal(0))


def is_large(order: dict[str, Any]) -> bool:
    return total(order) > 1000


def receipt_of(order: dict[str, Any]) -> dict[str, Any]:
    """What the order ends with, whatever happened to the process."""
    name = order["order_id"]
    return {
        "order_id": name,
        "payment_id": f"pay-{name}",
        "amount": str(total(order)),
        "reservations": [f"{line['sku']}/{line['quantity']}" for line in order["lines"]],
        "tracking": f"track-{name}",
        "approved_by": "grace" if is_large(order) else None,
    }


def effects_of(order: dict[str, Any]) -> dict[str, str]:
    """What each step does to the world, by the step's name."""
    name = order["order_id"]
    effects = {
        "validate": f"validated {name}",
        "charge": f"charged {total(order)}",
        "ship": f"shipped {name}",
        "confirm": f"told {order['customer']}: track-{name}",
    }
    for line in order["lines"]:
        effects[f"reserve {line['sku']}"] = f"reserved {line['quantity']} x {line['sku']}"
    if is_large(order):
        effects["ask for approval"] = f"asked for approval of {total(order)}"
    return effects

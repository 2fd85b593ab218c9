"""What the programs of both sides have in common: values and errors. No SDK is imported here."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

LONGEST_DELAY = int(os.environ.get("LONGEST_DELAY", "100000"))
"""Of a program, in seconds: what is longer is cut to it."""
OVER_256_KIB = "x" * (257 * 1024)
TOO_LARGE_FOR_A_RESPONSE = "x" * (6 * 1024 * 1024 - 20)
MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORDER = {"id": "order-1", "lines": [{"sku": "tea", "count": 2}, {"sku": "mug", "count": 1}], "paid": True, "note": None}


class Declined(Exception):
    """An error of the programs."""


def decline(why: str) -> Any:
    raise Declined(why)


def fail_until(attempt: int, last: int) -> int:
    """Fails in every attempt before the last one."""
    if attempt < last:
        raise Declined(f"attempt {attempt}")
    return attempt

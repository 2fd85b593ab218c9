"""The testing kit: virtual time, stubs, a mock context, every crash and every history, without a server or an account.

Each name is loaded when it is first asked for, so that a test suite pays for what it uses.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from durable_lambda.testing.cloud import CloudRun as CloudRun
    from durable_lambda.testing.cloud import CloudTestRunner as CloudTestRunner
    from durable_lambda.testing.crash_report import CrashReport as CrashReport
    from durable_lambda.testing.crash_report import RepeatedEffect as RepeatedEffect
    from durable_lambda.testing.crash_runs import NO_ANSWER as NO_ANSWER
    from durable_lambda.testing.crashes import CrashDifferenceError as CrashDifferenceError
    from durable_lambda.testing.crashes import explore_crashes as explore_crashes
    from durable_lambda.testing.mock_assertions import assert_checkpoint_count as assert_checkpoint_count
    from durable_lambda.testing.mock_assertions import assert_no_checkpoints as assert_no_checkpoints
    from durable_lambda.testing.mock_assertions import assert_operation_count as assert_operation_count
    from durable_lambda.testing.mock_assertions import assert_operation_names as assert_operation_names
    from durable_lambda.testing.mock_assertions import assert_operations as assert_operations
    from durable_lambda.testing.mock_context import MockDurableContext as MockDurableContext
    from durable_lambda.testing.mock_script import MockMismatchError as MockMismatchError
    from durable_lambda.testing.mock_script import RecordedOperation as RecordedOperation
    from durable_lambda.testing.mock_script import RecordedUpdate as RecordedUpdate
    from durable_lambda.testing.mock_script import Recorder as Recorder
    from durable_lambda.testing.operations import Operations as Operations
    from durable_lambda.testing.operations import OperationView as OperationView
    from durable_lambda.testing.replaying import ReplayDifferenceError as ReplayDifferenceError
    from durable_lambda.testing.replaying import ReplayReport as ReplayReport
    from durable_lambda.testing.replaying import replay as replay
    from durable_lambda.testing.run import DurableRun as DurableRun
    from durable_lambda.testing.runner import DurableTestRunner as DurableTestRunner
    from durable_lambda.testing.shape import assert_shape as assert_shape
    from durable_lambda.testing.view import NotEndedError as NotEndedError
    from durable_lambda.testing.view import RunView as RunView

_HOMES = {
    "cloud": ("CloudRun", "CloudTestRunner"),
    "crash_report": ("CrashReport", "RepeatedEffect"),
    "crash_runs": ("NO_ANSWER",),
    "crashes": ("CrashDifferenceError", "explore_crashes"),
    "mock_assertions": (
        "assert_checkpoint_count",
        "assert_no_checkpoints",
        "assert_operation_count",
        "assert_operation_names",
        "assert_operations",
    ),
    "mock_context": ("MockDurableContext",),
    "mock_script": ("MockMismatchError", "RecordedOperation", "RecordedUpdate", "Recorder"),
    "operations": ("OperationView", "Operations"),
    "replaying": ("ReplayDifferenceError", "ReplayReport", "replay"),
    "run": ("DurableRun",),
    "runner": ("DurableTestRunner",),
    "shape": ("assert_shape",),
    "view": ("NotEndedError", "RunView"),
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}

__all__ = list(_HOME_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

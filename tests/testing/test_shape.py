"""Snapshots of a run's shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_lambda import DurableContext, Retry, durable_execution
from durable_lambda.testing import DurableTestRunner, assert_shape


async def body() -> int:
    return 1


async def item(number: int, ctx: DurableContext) -> int:
    return await ctx.step("one", body)


@durable_execution
async def shaped(event: str, ctx: DurableContext) -> None:
    await ctx.map("all", [1, 2], item, item_name=lambda number, _: f"item {number}")
    await ctx.step(event, body, retry=Retry.fixed(1))
    await ctx.create_callback("approval")
    await ctx.wait(None, 60)


SHAPE = """
    map all: SUCCEEDED
      item item 1: SUCCEEDED
        step one: SUCCEEDED
      item item 2: SUCCEEDED
        step one: SUCCEEDED
    step last: SUCCEEDED after 2 attempts
    callback approval: STARTED
    wait (no name): SUCCEEDED
"""


def run(name: str = "last"):
    return DurableTestRunner(shaped).stub_step(name, OSError("no"), 1).run(name)


def test_a_run_of_the_expected_shape_passes() -> None:
    assert_shape(run(), SHAPE)


def test_a_run_of_another_shape_is_shown_as_a_diff() -> None:
    with pytest.raises(AssertionError) as raised:
        assert_shape(run("renamed"), SHAPE)

    assert "-step last: SUCCEEDED after 2 attempts\n+step renamed: SUCCEEDED after 2 attempts" in str(raised.value)


def test_a_snapshot_is_written_when_it_is_asked_for_and_compared_afterwards(monkeypatch, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshots" / "shaped.txt"
    with pytest.raises(AssertionError, match="run the test once with DURABLE_UPDATE_SNAPSHOTS=1 to write it"):
        assert_shape(run(), snapshot)
    monkeypatch.setenv("DURABLE_UPDATE_SNAPSHOTS", "1")
    assert_shape(run(), snapshot)
    monkeypatch.delenv("DURABLE_UPDATE_SNAPSHOTS")

    assert snapshot.read_text() == run().shape()
    assert_shape(run(), snapshot)
    with pytest.raises(AssertionError, match="DURABLE_UPDATE_SNAPSHOTS=1 writes"):
        assert_shape(run("renamed"), snapshot)

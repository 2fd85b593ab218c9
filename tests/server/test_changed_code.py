"""Code that changes under its executions: the difference pauses them, and mended code goes on."""

from __future__ import annotations

import pytest

from server.serving import Served

ORIGINAL = """
from durable_lambda import durable_execution
def one() -> int: return 1
@durable_execution
async def handler(event, ctx):
    await ctx.step("FIRST", one)
    await ctx.wait("pause", 2)
    return "RESULT"
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reload", [True, False])
def test_a_mismatch_pauses_an_execution_with_the_difference_and_mended_code_goes_on(tmp_path, reload):
    app = tmp_path / "app.py"
    app.write_text(ORIGINAL)
    arguments = ["h=app.py:handler", *(["--reload"] if reload else [])]
    served = Served(tmp_path, *arguments)

    def change(text):
        nonlocal served
        app.write_text(text)
        if not reload:
            served.__exit__()
            served = Served(tmp_path, *arguments)

    try:
        arn = served.start("h", None, "one")
        served.until_event(arn, "WaitStarted")
        change(ORIGINAL.replace("FIRST", "OTHER"))
        paused = served.until(arn, lambda told: told["Status"] == "PAUSED")
        assert "FIRST" in paused["PauseDetails"]["Reason"]
        assert "OTHER" in paused["PauseDetails"]["Reason"]
        change(ORIGINAL.replace("RESULT", "mended"))
        assert served.end_of(arn)["Result"] == '"mended"'
    finally:
        served.__exit__()


@pytest.mark.timeout(60)
def test_a_mismatch_fails_an_execution_if_that_is_asked_for(tmp_path):
    app = tmp_path / "app.py"
    app.write_text(ORIGINAL)
    with Served(tmp_path, "h=app.py:handler", "--reload", "--on-mismatch", "fail") as served:
        arn = served.start("h", None, "one")
        served.until_event(arn, "WaitStarted")
        app.write_text(ORIGINAL.replace("FIRST", "OTHER"))
        told = served.end_of(arn)
        assert told["Status"] == "FAILED"
        assert told["Error"]["ErrorType"].endswith("NonDeterministicExecutionError")

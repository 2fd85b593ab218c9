"""Code that changes under its executions: the difference pauses them, and mended code goes on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from durable_lambda import durable_execution
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


def test_who_waits_for_the_answer_of_an_invoke_has_it_when_the_code_is_mended(engine, clock, client):
    @durable_execution
    async def original(event, ctx):
        await ctx.step("charge", int)
        await ctx.wait("pause", 60)

    @durable_execution
    async def renamed(event, ctx):
        await ctx.step("collect", int)

    @durable_execution
    async def mended(event, ctx):
        charged = await ctx.step("charge", int)
        await ctx.wait("pause", 60)
        return charged

    engine.register(original, "h")
    execution = engine.start("h", execution_name="one")
    news = threading.Event()
    execution.watch(news.set)

    def until(event_type):
        while event_type not in [event.event_type for event in execution.history()]:
            assert news.wait(20)
            news.clear()

    until("InvocationCompleted")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.invoke, FunctionName="h", DurableExecutionName="one", Payload="null")
        engine.register(renamed, "h")
        clock.advance(60)
        until("ExecutionPaused")
        assert client.list_durable_executions_by_function(FunctionName="h")["DurableExecutions"]
        assert not answer.done()
        engine.register(mended, "h")
        told = answer.result(20)
    assert told["Payload"].read() == b"0"
    assert "FunctionError" not in told


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


@pytest.mark.timeout(60)
def test_the_first_line_is_the_url_whatever_is_logged_of_executions_that_go_on_meanwhile(tmp_path):
    (tmp_path / "app.py").write_text(ORIGINAL)
    with Served(tmp_path, "h=app.py:handler") as served:
        arn = served.start("h", None, "one")
        served.until_event(arn, "WaitStarted")
    (tmp_path / "app.py").write_text(ORIGINAL.replace("FIRST", "OTHER"))
    for times in (1, 2):  # the second time it is tried, and paused, as soon as the function is there
        with Served(tmp_path, "h=app.py:handler") as served:
            served.until(arn, lambda _, times=times: served.events(arn).count("ExecutionPaused") == times)
        assert served.lines[0].startswith("durable-lambda serves")
        assert any("is paused until its code is mended" in line for line in served.lines)

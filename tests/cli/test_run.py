"""`durable run`, as a process: what it prints, how it ends, and that nothing is lost when it ends early."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess

import pytest

from command import DURABLE, Cli, callback_id_in, read_until

OTHER = """
from durable_lambda import DurableContext, durable_execution

@durable_execution
async def handler(event: int, ctx: DurableContext) -> int:
    await ctx.wait("a moment", 1)
    return event + 1
"""

TALKING = """
from durable_lambda import DurableContext, durable_execution

@durable_execution
async def handler(event: None, ctx: DurableContext) -> None:
    for number in range(600):
        await ctx.step(f"line {number}", str)
        await ctx.wait(f"pause {number}", 1)
"""

FAMILY = """
from durable_lambda import DurableContext, durable_execution

@durable_execution
async def parent(event: int, ctx: DurableContext) -> int:
    return await ctx.invoke("ask", "child", event, result_type=int) + await ctx.invoke("ask again", "orders", event)

@durable_execution
async def child(event: int, ctx: DurableContext) -> int:
    return 0 if event == 0 else 1 + await ctx.invoke("go on", "child", event - 1, result_type=int)

@durable_execution(name="orders")
async def named(event: int, ctx: DurableContext) -> int:
    return 10 * event
"""


def test_it_runs_to_the_result_and_exits_with_zero(cli: Cli) -> None:
    done = cli("run", "app.py:handler", "--event", '{"a": "b"}', "--name", "n1", "--skip-time")
    assert done.returncode == 0, done.stderr
    assert re.search(r"✓ first  step  succeeded", done.stdout)
    assert re.search(r"✓ rest  wait  succeeded", done.stdout)
    assert re.search(r"✓ flaky  step  succeeded  attempt 3", done.stdout)
    assert json.loads(done.stdout[done.stdout.index("\n{") :]) == {"one": "one", "attempts": 3, "event": {"a": "b"}}
    assert "done with {'a': 'b'}" in done.stderr
    assert cli.effects() == ["first", "flaky 1", "flaky 2", "flaky 3"]


def test_with_json_it_prints_one_document_with_the_wires_names(cli: Cli) -> None:
    document = cli.json("run", "app.py:handler", "--event", "{}", "--name", "n1", "--skip-time")
    assert document["DurableExecutionName"] == "n1"
    assert document["Status"] == "SUCCEEDED"
    assert json.loads(document["Result"])["attempts"] == 3
    assert document["DurableExecutionArn"].endswith(document["DurableExecutionArn"].split("/")[-1])


def test_a_failed_execution_shows_its_error_and_exits_with_one(cli: Cli) -> None:
    done = cli("run", "app.py:failing", "--event", '"x"', "--name", "n1")
    assert done.returncode == 1
    assert "ValueError: this order is wrong" in done.stdout
    assert 'raise ValueError("this order is wrong")' in done.stdout
    again = cli("run", "app.py:failing", "--event", '"x"', "--name", "n1", "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["Error"]["ErrorMessage"] == "this order is wrong"
    assert cli.effects() == ["first"]


def test_without_a_name_a_new_one_is_made_and_shown(cli: Cli) -> None:
    names = {cli.json("run", "app.py:nested", "--event", "1")["DurableExecutionName"] for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("app-nested-") for name in names)


def test_the_same_name_again_shows_the_result_and_runs_nothing(cli: Cli) -> None:
    command = ("run", "app.py:handler", "--event", '{"a": "b"}', "--name", "n1", "--skip-time")
    first = cli.json(*command)
    assert cli.json(*command) == first
    assert cli.json("run", "app.py:handler", "--name", "n1") == first, "the event may be left out"
    assert len(cli.effects()) == 4


def test_the_same_name_with_another_event_is_refused(cli: Cli) -> None:
    cli.json("run", "app.py:nested", "--event", "1", "--name", "n1")
    message = cli.refused("run", "app.py:nested", "--event", "2", "--name", "n1")
    assert "n1" in message
    assert cli.json("show", "n1")["Result"] == "1"


def test_functions_of_one_name_in_two_modules_may_share_a_file(cli: Cli) -> None:
    (cli.folder / "other.py").write_text("from app import nested\n" + OTHER)
    process = cli.start("run", "app.py:handler", "--event", "{}", "--name", "n1")
    read_until(process, "rest  wait  waiting")
    process.kill()
    process.wait()
    assert cli.json("run", "other.py:handler", "--event", "1", "--name", "n2")["Result"] == "2"
    assert "not of 'other-handler'" in cli.refused("run", "other.py:handler", "--name", "n1")
    assert cli.json("show", "n1")["Status"] == "RUNNING"
    imported = cli.json("run", "other.py:nested", "--event", "1", "--name", "n3")
    assert ":function:app-nested:" in imported["FunctionArn"], "a function is known by where it is defined"


def test_after_a_kill_the_same_command_goes_on_where_it_stood(cli: Cli) -> None:
    command = ("run", "app.py:hanging", "--event", '"x"', "--name", "n1")
    process = cli.start(*command)
    read_until(process, "hangs  step  running")
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert cli.json("show", "n1")["Status"] == "RUNNING"
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith('"onetwo"')
    assert cli.effects() == ["first", "hangs"]


def test_ctrl_c_leaves_the_execution_resumable_and_says_how(cli: Cli) -> None:
    process = cli.start("run", "app.py:hanging", "--event", '"x"', "--name", "n1", "--db", "my orders.db")
    read_until(process, "hangs  step  running")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in output + errors
    resume = re.search(r"durable (run app\.py:hanging --name n1 --db 'my orders\.db')", errors)
    assert resume, errors
    done = cli("run", "app.py:hanging", "--name", "n1", "--db", "my orders.db")
    assert done.returncode == 0, done.stderr
    assert cli.effects() == ["first", "hangs"]


def test_ctrl_c_does_not_wait_for_a_plain_function(cli: Cli) -> None:
    process = cli.start("run", "app.py:blocking", "--event", '"x"', "--name", "n1")
    read_until(process, "blocks  step  running")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert cli.json("run", "app.py:blocking", "--name", "n1")["Result"] == '"two"'


def test_a_reader_that_goes_away_is_no_traceback(cli: Cli) -> None:
    (cli.folder / "talking.py").write_text(TALKING)
    process = cli.start("run", "talking.py", "--event", "null", "--name", "n1")
    read_until(process, "line 0  step  succeeded")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdout = None
    assert "Traceback" not in process.stderr.read()
    assert cli.json("show", "n1")["Status"] == "RUNNING"


def test_a_callback_is_answered_by_another_process(cli: Cli) -> None:
    process = cli.start("run", "app.py:approving", "--event", '"x"', "--name", "n1")
    seen = read_until(process, "durable callback success")
    assert "approval waits for an answer" in seen
    callback_id = callback_id_in(seen)
    assert cli("callback", "heartbeat", callback_id).returncode == 0
    answer = cli("callback", "success", callback_id, "--result", '{"ok": true}')
    assert answer.returncode == 0, answer.stderr
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert '"ok": true' in output


def test_skipped_time_does_not_run_into_the_timeout_of_a_callback(cli: Cli) -> None:
    process = cli.start("run", "app.py:approving", "--event", '"x"', "--name", "n1", "--skip-time")
    callback_id = callback_id_in(read_until(process, "durable callback success"))
    assert cli("callback", "success", callback_id, "--result", "7").returncode == 0
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 0, output + errors
    assert output.endswith("\n7\n")


def test_children_are_indented_and_prints_of_the_handler_are_kept(cli: Cli) -> None:
    done = cli("run", "app.py:nested", "--event", "1", "--name", "n1")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d\d:\d\d:\d\d  ✓ outer  run_in_child_context", done.stdout)
    assert re.search(r"\d\d:\d\d:\d\d    ✓ inner  step", done.stdout)
    assert "printed by the handler" in done.stdout


def test_on_a_terminal_it_draws_a_tree_in_place(cli: Cli) -> None:
    environment = {**cli.environment, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    for unwanted in ("NO_COLOR", "CI", "FORCE_COLOR"):
        environment.pop(unwanted, None)
    terminal, end = pty.openpty()
    command = [DURABLE, "run", "app.py:nested", "--event", "7", "--name", "n1"]
    with subprocess.Popen(command, cwd=cli.folder, env=environment, stdin=end, stdout=end, stderr=end) as process:
        os.close(end)
        output = _read_all(terminal)
    assert process.returncode == 0, output
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output)
    assert "printed by the handler" in plain
    final = plain[plain.rindex("n1  succeeded") :]
    assert re.search(r"└─ ✓ outer +run_in_child_context +succeeded", final)
    assert re.search(r"   └─ ✓ inner +step +succeeded", final)
    assert final.rstrip().endswith("7")


def _read_all(terminal: int) -> str:
    chunks: list[bytes] = []
    try:
        while chunk := os.read(terminal, 65_536):
            chunks.append(chunk)
    except OSError:
        pass  # how Linux tells that the other side is closed
    os.close(terminal)
    return b"".join(chunks).decode("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("app.py:handler", "--event", "{"), "--event is not JSON"),
        (("app.py:handler", "--event", "@none.json"), "there is no file none.json"),
        (("none.py:handler", "--event", "1"), "none.py is not there"),
        (
            ("app.py:nope", "--event", "1"),
            "durable functions there: handler, approving, failing, hanging, blocking, nested",
        ),
        (("app.py:first", "--event", "1"), "not a durable function"),
        (("broken.py:handler", "--event", "1"), "ZeroDivisionError"),
        (("app.py:handler", "--event", "1", "--name", "not a name"), "--name 'not a name' must be 1 to 64 letters"),
        (("app.py:handler", "--event", "1", "--name", "n" * 65), "must be 1 to 64 letters"),
        (("app.py:handler", "--event", "1", "--db", "no/such/folder.db"), "no/such"),
        (("app.py:handler", "--event", "1", "--db", "."), "is a directory"),
        (("app.py:handler", "--event", "1", "--db", "app.py"), "app.py"),
        (("app.py:handler",), "--event is missing"),
        (("app.py:handler", "--name", "n1"), "--event is missing"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_and_leaves_nothing(
    cli: Cli, arguments: tuple[str, ...], message: str
) -> None:
    (cli.folder / "broken.py").write_text("x = 1 / 0\n")
    before = sorted(path.name for path in cli.folder.iterdir())
    assert message in cli.refused("run", *arguments)
    after = sorted(path.name for path in cli.folder.iterdir() if path.name != "__pycache__")
    assert after == before


def test_a_name_that_has_ended_tells_that_nothing_was_run(cli: Cli) -> None:
    first = cli("run", "app.py:failing", "--event", '"x"', "--name", "once")
    again = cli("run", "app.py:failing", "--event", '"x"', "--name", "once")
    assert "had ended before" not in first.stderr
    assert "once had ended before: nothing was run. Give another --name" in again.stderr
    assert "ValueError: this order is wrong" in again.stdout


def test_closed_standard_streams_do_not_change_the_exit_code(cli: Cli) -> None:
    command = f"{DURABLE} run app.py:nested --event 1 --name quiet 2>&-"
    assert subprocess.run(command, shell=True, cwd=cli.folder, check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_functions_of_the_module_may_invoke_each_other_and_themselves(cli: Cli) -> None:
    (cli.folder / "family.py").write_text(FAMILY)
    assert cli.json("run", "family.py:parent", "--event", "3", "--name", "n1")["Result"] == "33"
    assert cli.json("run", "family.py:child", "--event", "2", "--name", "n2")["Result"] == "2"
    functions = [each["FunctionArn"].split(":")[6] for each in cli.json("list")["DurableExecutions"]]
    assert sorted(functions) == ["child"] * 6 + ["family-child", "family-parent", "orders"]


def test_functions_that_cannot_be_told_apart_are_refused_before_anything_is_stored(cli: Cli) -> None:
    (cli.folder / "family.py").write_text(FAMILY.replace('name="orders"', 'name="child"'))
    assert "'child' and 'named' in family.py are both called 'child'" in cli.refused(
        "run", "family.py:parent", "--event", "3"
    )
    (cli.folder / "clan.py").write_text(FAMILY.replace('name="orders"', 'name="clan-parent"'))
    assert "two functions are called 'clan-parent'" in cli.refused("run", "clan.py:parent", "--event", "3")
    (cli.folder / "tribe.py").write_text(FAMILY.replace('name="orders"', 'name="no name"'))
    assert "the function's name 'no name' must be" in cli.refused("run", "tribe.py:parent", "--event", "3")
    assert not (cli.folder / "durable.db").exists()


def test_sigterm_leaves_the_execution_resumable_and_says_how(cli: Cli) -> None:
    process = cli.start("run", "app.py:hanging", "--event", '"x"', "--name", "n1")
    read_until(process, "hangs  step  running")
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 143
    assert "Traceback" not in output + errors
    assert "Terminated. The execution goes on where it stands with:\n  durable run app.py:hanging --name n1" in errors
    assert cli.json("run", "app.py:hanging", "--name", "n1")["Result"] == '"onetwo"'


def test_sigterm_gives_the_terminal_its_cursor_back(cli: Cli) -> None:
    terminal, end = pty.openpty()
    environment = {**cli.environment, "TERM": "xterm-256color"}
    command = [DURABLE, "run", "app.py:hanging", "--event", '"x"', "--name", "n1"]
    with subprocess.Popen(command, cwd=cli.folder, env=environment, stdin=end, stdout=end, stderr=end) as process:
        os.close(end)
        seen = b""
        while b"hangs" not in seen:
            seen += os.read(terminal, 65_536)
        assert b"\x1b[?25l" in seen, "the cursor is hidden while the tree is drawn"
        process.send_signal(signal.SIGTERM)
        seen += _read_all(terminal).encode()
    assert process.returncode == 143
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")


def test_what_a_stopped_execution_was_at_is_shown_as_not_finished(cli: Cli) -> None:
    process = cli.start("run", "app.py:handler", "--event", "{}", "--name", "n1")
    read_until(process, "rest  wait  waiting")
    assert cli("stop", "n1").returncode == 0
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    for shown in (output, cli("show", "n1").stdout):
        assert re.search(r"○ rest +wait +not finished", shown), shown
    assert "waiting" not in cli("show", "n1").stdout


MANY = """
from durable_lambda import DurableContext, durable_execution

async def double(item: int, ctx: DurableContext) -> int:
    return 2 * item

@durable_execution
async def handler(event: int, ctx: DurableContext) -> int:
    return sum((await ctx.map("items", list(range(event)), double, max_concurrency=10)).results())
"""


def test_many_branches_are_a_few_lines_on_a_terminal_and_all_of_them_for_who_asks(cli: Cli) -> None:
    (cli.folder / "many.py").write_text(MANY)
    cli.json("run", "many.py", "--event", "300", "--name", "n1")
    environment = {**cli.environment, "TERM": "xterm-256color"}

    def on_a_terminal(*arguments: str) -> list[str]:
        terminal, end = pty.openpty()
        with subprocess.Popen(
            [DURABLE, *arguments], cwd=cli.folder, env=environment, stdout=end, stderr=end
        ) as process:
            os.close(end)
            output = _read_all(terminal)
        assert process.returncode == 0, output
        return output.splitlines()

    assert any("280 more succeeded" in line for line in on_a_terminal("show", "n1"))
    assert len(on_a_terminal("show", "n1")) < 30
    assert sum("map-item" in line for line in on_a_terminal("show", "n1", "--all")) == 300
    assert cli("show", "n1").stdout.count("map-item") == 300, "a pipe has all, to be searched"


ESCALATING = """
from durable_lambda import CallbackTimeoutError, DurableContext, durable_execution

@durable_execution
async def handler(event: int, ctx: DurableContext) -> str:
    await ctx.wait("a year", 31_536_000)
    approval = await ctx.create_callback("approval", timeout=1)
    try:
        return await ctx.callback_result(approval, str)
    except CallbackTimeoutError:
        return "too late"
"""


def test_skip_time_skips_waits_while_time_outs_come_when_they_are_due(cli: Cli) -> None:
    (cli.folder / "escalating.py").write_text(ESCALATING)
    assert cli.json("run", "escalating.py", "--event", "1", "--name", "n1", "--skip-time")["Result"] == '"too late"'
    events = {each["EventType"]: each["EventTimestamp"] for each in cli.json("history", "n1")["Events"]}
    assert events["WaitSucceeded"] - events["WaitStarted"] >= 31_536_000
    assert 1 <= events["CallbackTimedOut"] - events["CallbackStarted"] < 20


WAITING_CHILD = """
from durable_lambda import DurableContext, durable_execution

@durable_execution
async def parent(event: int, ctx: DurableContext) -> int:
    return await ctx.invoke("ask", "quote", event, result_type=int)

@durable_execution
async def other(event: int, ctx: DurableContext) -> int:
    return event

@durable_execution
async def quote(event: int, ctx: DurableContext) -> int:
    await ctx.wait("a day", 86_400)
    return FACTOR * event
"""


def test_what_another_module_has_invoked_is_not_gone_on_with_by_a_function_of_the_same_name(cli: Cli) -> None:
    for name, factor in (("fish", "2"), ("meat", "3")):
        (cli.folder / f"{name}.py").write_text(WAITING_CHILD.replace("FACTOR", factor))
    process = cli.start("run", "fish.py:parent", "--event", "5", "--name", "n1")
    read_until(process, "ask  invoke  waiting")
    process.kill()
    process.wait()
    told = "durable.db has an unfinished 'quote' that 'fish-parent' of another module has invoked"
    assert told in cli.refused("run", "meat.py:other", "--event", "1")
    assert cli.json("run", "fish.py:other", "--event", "1")["Result"] == "1", "it is the same module's"
    assert cli.json("run", "fish.py:parent", "--name", "n1", "--skip-time")["Result"] == "10"
    assert cli.json("run", "meat.py:parent", "--event", "5", "--skip-time")["Result"] == "15"

"""Showing an execution while it runs: what is written, and when nothing is."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from rich.console import Console

from durable_lambda.cli.live import LineDisplay, TreeDisplay, can_draw, line_writer, paint
from durable_lambda.drawing.tree import View, view
from durable_lambda.protocol.operations import CallbackDetails, Operation, OperationStatus, StepDetails

NOW = 1_750_000_000.0


def seen(*operations: Operation, status: OperationStatus = "STARTED") -> View:
    return view([Operation("e", "EXECUTION", status, round(NOW * 1000), name="n1"), *operations], NOW)


def step(name: str, status: OperationStatus) -> Operation:
    return Operation(f"id-{name}", "STEP", status, round(NOW * 1000), name=name, step_details=StepDetails())


def callback(status: OperationStatus = "STARTED") -> Operation:
    return Operation(
        "cb", "CALLBACK", status, round(NOW * 1000), name="approval", callback_details=CallbackDetails("x1")
    )


@pytest.fixture
def screen() -> Console:
    """A terminal whose output can be read."""
    return Console(file=io.StringIO(), force_terminal=True, width=60, height=10, highlight=False)


@pytest.fixture
def no_log_handlers() -> Iterator[None]:
    before, logging.root.handlers = logging.root.handlers, []
    yield
    logging.root.handlers = before


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())


def test_without_a_terminal_each_change_is_one_line() -> None:
    written: list[str] = []
    with LineDisplay(written.append) as display:
        display.update(seen())
        display.update(seen(step("a", "STARTED")))
        display.update(seen(step("a", "STARTED")))
        display.update(seen(step("a", "SUCCEEDED"), step("b", "STARTED")))
        display.update(seen(step("a", "SUCCEEDED"), step("b", "SUCCEEDED"), status="SUCCEEDED"))
    assert [re.sub(r"^\d\d:\d\d:\d\d", "T", line) for line in written] == [
        "n1  running  0 ms",
        "T  ● a  step  running  0 ms",
        "T  ✓ a  step  succeeded  0 ms",
        "T  ● b  step  running  0 ms",
        "T  ✓ b  step  succeeded  0 ms",
        "n1  succeeded  0 ms",
    ]


def test_how_to_answer_a_callback_is_told_once() -> None:
    written: list[str] = []
    with LineDisplay(written.append) as display:
        for _ in range(3):
            display.update(seen(callback()))
    assert sum("durable callback success x1" in line for line in written) == 1


@pytest.mark.usefixtures("no_log_handlers")
def test_on_a_terminal_it_is_told_once_and_unbroken_above_the_tree(screen: Console) -> None:
    with TreeDisplay(screen) as display:
        for _ in range(3):
            display.update(seen(callback()))
    output = written(screen)
    assert output.count("durable callback success x1 --result JSON") == 1
    assert output.index("durable callback") < output.index("◷ approval")


@pytest.mark.usefixtures("no_log_handlers")
def test_logs_go_above_the_tree_and_back_to_stderr_afterwards(screen: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    handler = logging.StreamHandler(terminal)
    logging.root.handlers.append(handler)
    with TreeDisplay(screen) as display:
        display.update(seen(step("a", "STARTED")))
        logging.getLogger("app").warning("half way")
    logging.getLogger("app").warning("done")
    assert "half way" in written(screen)
    assert terminal.getvalue() == "done\n"


def test_a_tree_that_is_higher_than_the_terminal_is_shortened(screen: Console) -> None:
    steps = [step(f"s{index}", "SUCCEEDED") for index in range(50)]
    screen.print(paint(seen(*steps), height=5))
    lines = written(screen).splitlines()
    assert len(lines) == 7
    assert lines[1].strip() == "… 45 more"
    assert "s49" in lines[-1]


def test_a_line_that_is_wider_than_the_terminal_is_cut_at_its_end(screen: Console) -> None:
    screen.print(paint(seen(step("s" * 80, "SUCCEEDED"), step("b", "STARTED"))))
    assert all(len(line) <= 60 for line in written(screen).splitlines())
    assert "└─ ● b" in written(screen)


def test_where_only_ascii_is_known_only_ascii_is_written() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    line_writer(stream)("└─ ✓ Ångström")
    assert raw.getvalue() == b"`- + ?ngstr?m\n"
    assert not can_draw(Console(file=stream, force_terminal=True))


def items(done: int, *, running: int) -> list[Operation]:
    begun = round(NOW * 1000)
    return [
        Operation("m", "CONTEXT", "STARTED", begun, name="invoices", sub_type="Map"),
        *(
            Operation(f"i{index}", "CONTEXT", "SUCCEEDED" if index < done else "STARTED", begun, "m", f"item-{index}")
            for index in range(done + running)
        ),
    ]


def test_a_thousand_branches_are_a_few_lines() -> None:
    written: list[str] = []
    with LineDisplay(written.append) as display:
        for done in range(990):
            seen = [Operation("e", "EXECUTION", "STARTED", round(NOW * 1000), name="n1"), *items(done, running=30)]
            display.update(view(seen, NOW, most=display.most))
    assert [line.split("  ", 1)[1] for line in written[1:]] == [
        "● invoices  map  running  0 ms",
        *(f"  … {100 * n} more: {100 * n - 10} succeeded, 10 running" for n in range(1, 10)),
    ]


def test_of_many_branches_a_failure_and_a_retry_are_told() -> None:
    written: list[str] = []
    failed = Operation("i3", "CONTEXT", "FAILED", round(NOW * 1000), "m", "item-3")
    retrying = Operation("s", "STEP", "PENDING", round(NOW * 1000), "i29", "send", step_details=StepDetails(1))
    operations = [each for each in items(20, running=20) if each.id != "i3"]
    with LineDisplay(written.append) as display:
        display.update(
            view(
                [Operation("e", "EXECUTION", "STARTED", round(NOW * 1000), name="n1"), *operations, failed, retrying],
                NOW,
                most=display.most,
            )
        )
    assert [line.split()[2] for line in written[2:]] == ["send", "item-3"]


def test_the_last_count_of_many_is_told_when_all_is_over() -> None:
    written: list[str] = []
    with LineDisplay(written.append) as display:
        operations = items(50, running=0)
        display.update(view([Operation("e", "EXECUTION", "STARTED", name="n1"), *operations], NOW, most=20))
        assert not any("more" in line for line in written)
        display.update(view([Operation("e", "EXECUTION", "SUCCEEDED", name="n1"), *operations], NOW, most=20))
    assert any(line.endswith("… 30 more succeeded") for line in written)


@pytest.mark.usefixtures("no_log_handlers")
def test_a_thousand_branches_fit_on_the_terminal(screen: Console) -> None:
    with TreeDisplay(screen) as display:
        for done in (0, 400, 970):
            seen = [Operation("e", "EXECUTION", "STARTED", name="n1"), *items(done, running=30)]
            display.update(view(seen, NOW, most=display.most))
    last = written(screen)[written(screen).rindex("n1  running") :].splitlines()
    assert len(last) == 2 + display.most + 1
    assert "item-970" in last[2]
    assert last[-1].strip() == "└─ … 996 more: 970 succeeded, 26 running"

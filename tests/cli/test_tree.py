"""Operations as rows: what the terminal shows, without a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from durable_lambda.cli.output import error_lines
from durable_lambda.drawing.many import most_for
from durable_lambda.drawing.tree import Row, fit, lines, plain_signs, rows, view
from durable_lambda.drawing.words import duration, error_text
from durable_lambda.protocol.operations import (
    CallbackDetails,
    ErrorObject,
    Operation,
    OperationStatus,
    StepDetails,
    WaitDetails,
)

NOW = datetime(2026, 3, 14, 12, 0, 0).timestamp()


def at(seconds: float) -> int:
    """A moment on the wire: epoch milliseconds, `seconds` from now."""
    return round((NOW + seconds) * 1000)


def step(name: str, status: OperationStatus = "SUCCEEDED", **more: Any) -> Operation:
    return Operation(f"id-{name}", "STEP", status, at(-3), name=name, **more)


def execution(status: OperationStatus, **more: Any) -> Operation:
    return Operation("e", "EXECUTION", status, at(-9), name="n1", **more)


def only(operation: Operation) -> Row:
    (row,) = rows([operation], NOW)
    return row


def test_children_stand_below_their_context_in_the_order_of_their_start() -> None:
    pack = Operation("c", "CONTEXT", "STARTED", at(-3), name="pack", sub_type="RunInChildContext")
    operations = [
        Operation("e", "EXECUTION", "STARTED", at(-9)),
        step("validate"),
        pack,
        step("box", parent_id="c"),
        step("ship"),
        step("label", parent_id="c"),
    ]
    assert [row.branch + row.name for row in rows(operations, NOW)] == [
        "├─ validate",
        "├─ pack",
        "│  ├─ box",
        "│  └─ label",
        "└─ ship",
    ]


def test_an_operation_whose_parent_is_unknown_is_not_lost() -> None:
    assert [row.name for row in rows([step("orphan", parent_id="gone")], NOW)] == ["orphan"]


def test_a_finished_step_tells_how_long_it_took_and_how_many_attempts() -> None:
    row = only(step("charge", end_timestamp=at(-1), step_details=StepDetails(attempt=3, result="1")))
    assert (row.sign, row.kind, row.state, row.attempts, row.elapsed) == (
        "✓",
        "step",
        "succeeded",
        "attempt 3",
        "2.0 s",
    )


def test_a_running_step_counts_the_attempt_under_way() -> None:
    row = only(step("charge", "STARTED", step_details=StepDetails(attempt=1)))
    assert (row.sign, row.state, row.attempts, row.elapsed) == ("●", "running", "attempt 2", "3.0 s")


def test_a_step_between_attempts_tells_why_and_when_it_runs_again() -> None:
    details = StepDetails(1, at(2), error=ErrorObject("PaymentUnavailable", "no answer"))
    row = only(step("charge", "PENDING", step_details=details))
    assert (row.sign, row.state, row.attempts) == ("◷", "retrying", "attempt 1")
    assert row.detail == "again at 12:00:02 (in 2.0 s) after PaymentUnavailable: no answer"


def test_a_wait_tells_until_when() -> None:
    wait = Operation("w", "WAIT", "STARTED", at(-3), name="rest", wait_details=WaitDetails(at(7200)))
    assert only(wait).detail == "until 14:00:00 (in 2 h 0 min)"
    beyond = Operation("w", "WAIT", "STARTED", at(-3), name="rest", wait_details=WaitDetails(at(86_400 * 2)))
    assert only(beyond).detail == "until 2026-03-16 12:00:00 (in 2 d 0 h)"


def test_an_open_callback_tells_how_to_answer_it_and_a_closed_one_does_not() -> None:
    callback = Operation("c", "CALLBACK", "STARTED", at(-3), name="approval", callback_details=CallbackDetails("cb-1"))
    (row,) = rows([callback], NOW, answer=" --db orders.db")
    assert (row.state, row.hint) == ("waiting", "durable callback success cb-1 --result JSON --db orders.db")
    answered = Operation(
        "c", "CALLBACK", "SUCCEEDED", at(-3), name="approval", callback_details=CallbackDetails("cb-1")
    )
    assert not only(answered).hint


@pytest.mark.parametrize(
    ("status", "sign", "state"),
    [
        ("FAILED", "✗", "failed"),
        ("TIMED_OUT", "✗", "timed out"),
        ("CANCELLED", "■", "cancelled"),
        ("STOPPED", "■", "stopped"),
    ],
)
def test_each_way_to_end_has_its_sign(status: OperationStatus, sign: str, state: str) -> None:
    row = only(step("x", status, step_details=StepDetails(1, error=ErrorObject("Boom", "no"))))
    assert (row.sign, row.state, row.detail) == (sign, state, "Boom: no")


def test_an_operation_without_a_name_is_known_by_its_id() -> None:
    assert only(Operation("0123456789abcdef", "STEP", "STARTED")).name == "(01234567)"


def test_only_a_new_state_or_attempt_is_news() -> None:
    before = only(step("a", "STARTED"))
    assert before.changed(None)
    assert not before._replace(elapsed="9.0 s").changed(before)
    assert before._replace(state="succeeded").changed(before)
    assert before._replace(attempts="attempt 2").changed(before)


def test_where_there_is_no_room_what_is_done_gives_way_first() -> None:
    all_rows = rows([step("a"), step("b"), step("c", "STARTED"), step("d"), step("e", "PENDING")], NOW)
    shown, left_out = fit(all_rows, 3)
    assert ([row.name for row in shown], left_out) == (["c", "d", "e"], 2)
    assert fit(all_rows, 5) == (all_rows, 0)
    assert [row.name for row in fit(all_rows, 0)[0]] == ["c"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (2.04, "2.0 s"),
        (59.99, "1 min 0 s"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations_are_told_in_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_error_fits_on_one_line() -> None:
    assert error_text(ErrorObject("E", "one\ntwo")) == "E: one two"
    assert error_text(ErrorObject("E", error_data='{"a":1}')) == 'E: {"a":1}'
    assert error_text(ErrorObject("E", "", '{"args":[]}')) == "E"
    assert len(error_text(ErrorObject("E", "x" * 500))) == 100
    assert error_text(None) == ""


def test_a_terminal_that_knows_only_ascii_gets_ascii() -> None:
    assert plain_signs("│  └─ ✓ box …").isascii()


def test_as_text_the_columns_stand_below_each_other() -> None:
    operations = [step("validate", end_timestamp=at(-2)), step("ship", "STARTED")]
    assert lines(rows(operations, NOW)) == [
        "├─ ✓ validate  step  succeeded  1.0 s",
        "└─ ● ship      step  running    3.0 s",
    ]
    assert lines([]) == []


def test_control_characters_of_an_error_are_shown_and_not_obeyed() -> None:
    error = ErrorObject("ValueError", "\x1b[31mred\x07")
    assert error_text(error) == "ValueError: \\x1b[31mred\\x07"
    assert error_lines(error) == ["ValueError: \\x1b[31mred\\x07"]


@pytest.mark.parametrize(
    ("type_", "sub_type", "kind"),
    [
        ("STEP", "Step", "step"),
        ("STEP", "WaitForCondition", "wait_for_condition"),
        ("STEP", "Patch", "patched"),
        ("CONTEXT", "WaitForCallback", "wait_for_callback"),
        ("CONTEXT", "RunInChildContext", "run_in_child_context"),
        ("CONTEXT", "Map", "map"),
        ("CONTEXT", "MapIteration", "item"),
        ("CONTEXT", "ParallelBranch", "branch"),
        ("CALLBACK", "Callback", "callback"),
        ("CHAINED_INVOKE", "ChainedInvoke", "invoke"),
        ("CHAINED_INVOKE", None, "invoke"),
        ("WAIT", None, "wait"),
    ],
)
def test_an_operation_is_called_what_the_api_calls_it(type_: Any, sub_type: str | None, kind: str) -> None:
    assert only(Operation("x", type_, "STARTED", at(-3), sub_type=sub_type)).kind == kind


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "STOPPED", "SUCCEEDED"])
def test_what_had_not_ended_when_its_execution_did_is_not_finished(status: OperationStatus) -> None:
    operations = [
        execution(status, end_timestamp=at(-1)),
        step("charge", "STARTED"),
        step("mail", "PENDING", step_details=StepDetails(1, at(600), error=ErrorObject("Busy", "later"))),
        Operation("w", "WAIT", "STARTED", at(-3), name="rest", wait_details=WaitDetails(at(7200))),
        Operation("c", "CALLBACK", "STARTED", at(-3), name="yes", callback_details=CallbackDetails("cb-1")),
        step("done", end_timestamp=at(-2)),
    ]
    *unfinished, done = view(operations, NOW).rows
    for row in unfinished:
        assert (row.sign, row.tone, row.state) == ("○", "unfinished", "not finished")
        assert (row.elapsed, row.detail, row.hint) == ("", "Busy: later" if row.name == "mail" else "", "")
    assert (done.sign, done.state) == ("✓", "succeeded")


def test_what_had_not_ended_when_its_context_did_is_not_finished() -> None:
    operations = [
        Operation("c", "CONTEXT", "SUCCEEDED", at(-3), name="race", sub_type="Parallel"),
        Operation("b", "CONTEXT", "STARTED", at(-3), name="slow", parent_id="c", sub_type="ParallelBranch"),
        Operation("w", "WAIT", "STARTED", at(-3), name="rest", parent_id="b", wait_details=WaitDetails(at(7200))),
        step("next", "STARTED"),
    ]
    assert [(row.name, row.state) for row in rows(operations, NOW)] == [
        ("race", "succeeded"),
        ("slow", "not finished"),
        ("rest", "not finished"),
        ("next", "running"),
    ]


def branches(states: str) -> list[Operation]:
    """Items of a map: `s`ucceeded, `f`ailed, `r`unning, `c`ancelled; each with a step in it."""
    statuses: dict[str, OperationStatus] = {"s": "SUCCEEDED", "f": "FAILED", "r": "STARTED", "c": "CANCELLED"}
    operations = [execution("STARTED"), Operation("m", "CONTEXT", "STARTED", at(-3), name="map", sub_type="Map")]
    for index, state in enumerate(states):
        operations.append(
            Operation(f"i{index}", "CONTEXT", statuses[state], at(-3), parent_id="m", name=f"{state}{index}")
        )
        operations.append(Operation(f"s{index}", "STEP", statuses[state], at(-3), parent_id=f"i{index}", name="send"))
    return operations


def drawn(states: str, most: int) -> list[str]:
    return [row.name for row in view(branches(states), NOW, most=most).rows if row.name not in ("map", "send")]


def test_of_many_siblings_what_needs_an_eye_is_drawn_and_the_rest_is_counted() -> None:
    assert drawn("s" * 10 + "f" + "s" * 980 + "r" * 9, 20)[:12] == [
        "f10", *(f"s{index}" for index in range(981, 991)), "r991",
    ]  # fmt: skip
    assert drawn("s" * 10 + "f" + "s" * 980 + "r" * 9, 20)[-1] == "980 more succeeded"
    assert drawn("r" * 4, 2) == ["r0", "r1", "2 more running"], "the oldest: they may be stuck"
    assert drawn("f" * 6 + "r" * 6, 4) == ["f4", "f5", "r6", "r7", "8 more: 4 failed, 4 running"]
    assert drawn("f" * 6, 4) == ["f2", "f3", "f4", "f5", "2 more failed"]
    assert drawn("cs", 1) == ["c0", "1 more succeeded"]


def test_a_few_siblings_are_all_drawn_with_what_is_below_them() -> None:
    assert drawn("sfrs", 4) == ["s0", "f1", "r2", "s3"]
    assert len(view(branches("sfrs"), NOW, most=4).rows) == 9
    assert len(view(branches("s" * 500), NOW).rows) == 1001, "without a bound all are drawn"


def test_of_many_siblings_the_ones_that_have_succeeded_are_drawn_without_what_is_below_them() -> None:
    told = view(branches("sssfr"), NOW, most=3).rows
    assert [row.branch + row.name for row in told] == [
        "└─ map",
        "   ├─ s2",
        "   ├─ f3",
        "   │  └─ send",
        "   ├─ r4",
        "   │  └─ send",
        "   └─ 2 more succeeded",
    ]


def test_a_count_is_news_a_hundred_at_a_time() -> None:
    def counted(number: int) -> Row:
        return view(branches("s" * (number + 1)), NOW, most=1).rows[-1]

    assert not counted(99).changed(None)
    assert counted(130).changed(None)
    assert counted(130).changed(counted(99))
    assert not counted(199).changed(counted(130))
    assert counted(200).changed(counted(199))


@pytest.mark.parametrize(("height", "most"), [(10, 4), (24, 8), (40, 16), (200, 20)])
def test_how_many_are_drawn_depends_on_the_height_of_the_terminal(height: int, most: int) -> None:
    assert most_for(height) == most

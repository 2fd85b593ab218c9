"""From a file's text to findings: places, silenced lines, encodings, what is no Python, and nothing that is run."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import durable_lambda
from durable_lambda import DurableContext, Saga
from durable_lambda.lint import RULES, check_source
from durable_lambda.lint.vocabulary import ATTRIBUTES, FUNCTIONS, OPERATIONS, SAGA_OPERATIONS

HEAD = "import time\nfrom durable_lambda import DurableContext, durable_execution\n\n@durable_execution\n"


def handler(*lines: str) -> str:
    return HEAD + "async def handler(event, ctx):\n" + "".join(f"    {line}\n" for line in lines)


def test_a_finding_has_its_place_in_characters_from_one() -> None:
    (finding,) = check_source(handler("x = 'äöü€😀', time.time()"), "app.py")
    assert (finding.path, finding.line, finding.column) == ("app.py", 6, 18)
    assert (finding.end_line, finding.end_column) == (6, 29)


def test_lines_are_counted_as_the_parser_counts_them() -> None:
    source = handler("x = '\x0c\u2028', time.time()  # noqa: DUR001", "y = 'ä\u2028', time.time()")
    (finding,) = check_source(source)
    assert (finding.line, finding.column) == (7, 15)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_other_line_ends_are_lines_too(ending: str) -> None:
    source = handler("x = time.time()  # noqa", "y = time.time()").replace("\n", ending)
    assert [finding.line for finding in check_source(source)] == [7]


def test_a_comment_silences_a_call_on_several_lines_at_its_beginning_or_its_end() -> None:
    first = handler("await ctx.step('a', print, time.time(", "))  # noqa: DUR001")
    last = handler("await ctx.step('a', print, time.time(  # noqa: DUR001", "))")
    neither = handler("await ctx.step('a', print,  # noqa: DUR001", "time.time())")
    assert [len(check_source(source)) for source in (first, last, neither)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("comment", "is_silenced"),
    [
        ("# noqa", True),
        ("#noqa", True),
        ("# NOQA: dur001", True),
        ("# noqa: DUR001", True),
        ("# noqa: DUR00", True),
        ("# noqa: E501, DUR001", True),
        ("# noqa: E501 DUR001", True),
        ("# noqa: DUR001 since it is only shown", True),
        ("# type: ignore # noqa: DUR001", True),
        ("# noqa: DUR002", False),
        ("# noqa: E501", False),
        ("# no qa", False),
    ],
)
def test_a_comment_silences_all_codes_or_those_that_it_names(comment: str, is_silenced: bool) -> None:
    assert (check_source(handler(f"time.time()  {comment}")) == []) == is_silenced


def test_bytes_are_read_in_the_encoding_that_they_declare() -> None:
    source = "# coding: latin-1\n" + handler("x = 'ä', time.time()")
    (finding,) = check_source(source.encode("latin-1"))
    assert (finding.line, finding.column) == (7, 14)


@pytest.mark.parametrize(
    "source", ["def (", "x = 'a\0b'", b"# coding: nonsense\n", b"x = '\xff'", "(" * 500 + ")" * 500]
)
def test_what_is_no_python_is_a_syntax_error(source: str | bytes) -> None:
    with pytest.raises(SyntaxError):
        check_source(source)


def test_only_selected_rules_speak() -> None:
    source = handler("time.sleep(time.time())")
    assert {finding.code for finding in check_source(source)} == {"DUR001", "DUR012"}
    assert {finding.code for finding in check_source(source, selected={"DUR012"})} == {"DUR012"}


def test_findings_come_in_the_order_of_the_lines() -> None:
    source = handler("ctx.wait('a', 5)", "time.sleep(5)", "ctx.wait('b', 5)", "time.time()")
    assert [finding.line for finding in check_source(source)] == [6, 7, 8, 9]


def test_a_message_names_the_operation_and_the_right_form() -> None:
    (finding,) = check_source(handler("ctx.step('charge', charge, event)"))
    assert finding.message == "step 'charge' is not awaited: `await ctx.step('charge', charge, event)`"


def test_a_message_tells_how_durable_code_comes_to_a_function() -> None:
    source = HEAD + "async def handler(event, ctx):\n    return stamp()\n\ndef stamp():\n    return time.time()\n"
    (finding,) = check_source(source)
    assert finding.message.endswith("(in `stamp`, called by `handler` on line 6)")


def test_the_right_form_in_a_blocking_function_awaits_nothing() -> None:
    (finding,) = check_source(HEAD + "def handler(event, ctx):\n    time.sleep(5)\n")
    assert "`ctx.wait" in finding.message


def test_neither_the_file_nor_the_sdk_is_imported() -> None:
    code = (
        "import sys\n"
        "from durable_lambda.lint import check_source\n"
        "check_source('import antigravity, durable_lambda\\n@durable_lambda.durable_execution\\ndef f(e, c): 1 / 0')\n"
        "ours = sorted(name for name in sys.modules if name.startswith('durable_lambda.'))\n"
        "assert all(name.startswith('durable_lambda.lint') for name in ours), ours\n"
        "assert not {'antigravity', 'msgspec', 'asyncio'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_linter_knows_every_method_of_a_context_and_of_a_saga() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert public(DurableContext) == {*OPERATIONS, *ATTRIBUTES}
    assert public(Saga) == set(SAGA_OPERATIONS)


@pytest.mark.parametrize(
    ("owner", "operations"), [(DurableContext, OPERATIONS), (Saga, SAGA_OPERATIONS)], ids=["context", "saga"]
)
def test_the_linter_knows_where_an_operation_takes_its_functions(owner: type, operations: dict[str, Any]) -> None:
    for name, signature in operations.items():
        method: Callable[..., Any] = getattr(owner, name)
        parameters = list(inspect.signature(method).parameters)[1:]
        for place in (signature.body, signature.child):
            assert place is None or parameters[place[0]] == place[1], name
        assert {*signature.pure, *signature.bodies} <= set(parameters), name
        assert (parameters[:1] == ["name"]) == signature.is_named, name


def test_the_linter_knows_the_functions_that_the_package_exports() -> None:
    exported = {name for name in durable_lambda.__all__ if name[0].islower()}
    assert exported <= {*FUNCTIONS, "serve_lambda"}


def test_the_codes_are_in_order_and_none_is_missing() -> None:
    assert list(RULES) == [f"DUR{number:03}" for number in range(1, len(RULES) + 1)]


@pytest.mark.parametrize(
    ("call", "right"),
    [
        ("random.random()", "ctx.random().random()"),
        ("random.choice(event)", "ctx.random().choice(…)"),
        ("random.Random()", "ctx.random()"),
        ("random.seed()", "ctx.random()"),
        ("uuid.uuid4()", "ctx.uuid()"),
    ],
)
def test_what_draws_by_chance_is_told_the_call_that_draws_the_same(call: str, right: str) -> None:
    (finding,) = check_source("import random, uuid\n" + handler(f"return {call}"))
    assert finding.message.endswith(f"`{right}`")


def test_a_decision_by_the_process_is_told_where_that_is_changed() -> None:
    source = (
        handler("if event not in SEEN:", "    SEEN.add(event)", "    await ctx.step('work', print)") + "SEEN = set()\n"
    )
    (finding,) = check_source(source)
    assert finding.code == "DUR019"
    assert "depend on `SEEN`, which lives in the process and is changed on line 7: use a variable" in finding.message

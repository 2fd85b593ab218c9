"""The public names, and the tree of errors as it is drawn."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest

import durable_lambda
from durable_lambda import errors

DRAWN = re.compile(
    r"^ {4}(?P<indent>[│ ├└─]*)(?P<names>\w+(?: · \w+)*)(?: \((?:BaseException|ExceptionGroup)\))?"
    r"(?: {2,}(?P<codes>[A-Z_, …]+))?$"
)


def drawn() -> dict[str, tuple[str | None, list[str]]]:
    """Each error of the tree, with its parent and its codes."""
    tree: dict[str, tuple[str | None, list[str]]] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if (match := DRAWN.match(line)) is None or not line.strip():
            continue
        depth = len(match["indent"]) // 4
        codes = [code for code in re.split(r"[, …]+", match["codes"] or "") if code]
        path = path[:depth]
        for name in match["names"].split(" · "):
            tree[name] = (path[-1] if path else None, codes)
        path.append(name)
    return tree


def test_the_tree_can_be_read() -> None:
    assert len(drawn()) >= 20
    assert drawn()["StepTimeoutError"] == ("StepError", ["STEP_TIMEOUT"])


@pytest.mark.parametrize("name", drawn())
def test_every_error_of_the_tree_exists_with_its_parent_and_its_code(name: str) -> None:
    parent, codes = drawn()[name]
    cls = getattr(errors, name)
    if name == "Suspended":
        assert cls.__bases__ == (BaseException,)
        assert set(codes) <= set(cls.codes.values())
        return
    assert cls.__bases__[0] is (Exception if parent is None else getattr(errors, parent))
    if codes:
        assert cls.code == codes[0]


def test_every_error_is_in_the_tree_and_public() -> None:
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == errors.__name__
    }
    assert defined == set(drawn()) == set(errors.__all__)
    assert defined <= set(durable_lambda.__all__)


@pytest.mark.parametrize("name", durable_lambda.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(importlib.import_module("durable_lambda"), name) is not None
    assert name in dir(durable_lambda)


@pytest.mark.parametrize("name", durable_lambda.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert (getattr(durable_lambda, name).__doc__ or "").strip()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nowhere"):
        durable_lambda.nowhere  # noqa: B018


def test_the_import_loads_nothing_that_a_cold_start_does_not_need() -> None:
    code = (
        "import sys; before = set(sys.modules); from durable_lambda import DurableContext, durable_execution;"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(loaded & {'boto3', 'botocore', 'opentelemetry', 'typer', 'rich', 'sqlite3', 'pydantic'}));"
        "print('durable_lambda.engine' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split("\n")[:2] == ["[]", "False"]


def test_a_bare_import_loads_no_module_of_ours() -> None:
    code = "import durable_lambda, sys; print([name for name in sys.modules if name.startswith('durable_lambda.')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"

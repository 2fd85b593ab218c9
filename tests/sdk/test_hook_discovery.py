"""Hooks of installed packages: found by an entry point, once, at the first invocation."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drive import Execution
from durable_lambda import DurableContext, Hooks, OperationStart
from durable_lambda.runtime import discovery

TOLD: list[str] = []


async def handler(event: Any, ctx: DurableContext) -> str:
    return await ctx.step("work", str, "done")


class Named(Hooks):
    def __init__(self, name: str = "class") -> None:
        self.name = name

    def on_operation_start(self, info: OperationStart) -> None:
        TOLD.append(self.name)


INSTANCE = Named("instance")


def factory() -> Hooks:
    return Named("function")


def fails() -> Hooks:
    raise RuntimeError("cannot be made")


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of `sys.path` for packages; entry points may name this module as `hooks_of_test`."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "hooks_of_test", sys.modules[__name__])
    monkeypatch.delenv(discovery.VARIABLE, raising=False)
    discovery.forget()
    TOLD.clear()
    yield tmp_path
    discovery.forget()


def install(folder: Path, *entries: str, package: str = "instruments") -> None:
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[durable_lambda.hooks]", *entries, ""]))


def test_without_any_nothing_is_found() -> None:
    assert Execution(handler).result() == "done"
    assert discovery.discovered() == []


@pytest.mark.parametrize(("target", "name"), [("Named", "class"), ("INSTANCE", "instance"), ("factory", "function")])
def test_an_entry_point_is_a_class_an_instance_or_a_function(installed: Path, target: str, name: str) -> None:
    install(installed, f"one = hooks_of_test:{target}")
    assert Execution(handler).result() == "done"
    assert [name] == TOLD


def test_they_are_told_in_the_order_of_their_names_and_before_those_that_are_given(installed: Path) -> None:
    install(installed, "b = hooks_of_test:Named", "a = hooks_of_test:INSTANCE")
    Execution(handler, hooks=Named("given")).result()
    assert TOLD == ["instance", "class", "given"]


def test_they_are_looked_for_once(installed: Path) -> None:
    Execution(handler).result()
    install(installed, "late = hooks_of_test:Named")
    Execution(handler).result()
    assert TOLD == []


@pytest.mark.parametrize(
    "target", ["hooks_of_test:fails", "hooks_of_test:handler", "hooks_of_test:nothing", "no_such_module:Hooks", "sys"]
)
def test_one_that_cannot_be_loaded_is_logged_and_left_out(
    installed: Path, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    install(installed, f"bad = {target}", "good = hooks_of_test:Named")
    assert Execution(handler).result() == "done"
    assert TOLD == ["class"]
    [record] = caplog.records
    assert record.getMessage() == f"hooks 'bad' ({target}) cannot be loaded and are left out"
    assert record.exc_info is not None


def test_the_environment_turns_them_off(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURABLE_LAMBDA_HOOKS", "")
    install(installed, "one = hooks_of_test:Named")
    Execution(handler, hooks=Named("given")).result()
    assert TOLD == ["given"]


def test_the_environment_names_those_that_are_used(
    installed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DURABLE_LAMBDA_HOOKS", "b, missing")
    install(installed, "a = hooks_of_test:Named", "b = hooks_of_test:INSTANCE")
    Execution(handler).result()
    assert TOLD == ["instance"]
    assert [record.getMessage() for record in caplog.records] == [
        "DURABLE_LAMBDA_HOOKS names hooks that are not installed: missing"
    ]


def test_a_package_in_an_archive_is_found_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as bundle:
        bundle.writestr("zipped-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: zipped\nVersion: 1.0\n")
        bundle.writestr("zipped-1.0.dist-info/entry_points.txt", "[durable_lambda.hooks]\nz = hooks_of_test:Named\n")
    monkeypatch.syspath_prepend(tmp_path / "bundle.zip")
    Execution(handler).result()
    assert TOLD == ["class"]


def test_neither_the_import_nor_a_first_invocation_loads_the_metadata_machinery_when_there_are_none() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from durable_lambda import durable_execution\n"
        "from recording import RecordingBackend, run\n"
        "async def handler(event, ctx): return 'done'\n"
        "print(run(durable_execution(backend=RecordingBackend())(handler))['Result'])\n"
        "print({'importlib.metadata', 'durable_lambda.runtime.observer'} & (set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert ran.stdout.splitlines() == ["done", "set()"]

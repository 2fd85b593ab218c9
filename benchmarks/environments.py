"""A virtual environment for each subject, made when it is needed and kept.

The one of the official SDK is used by `tests/compatibility` too.

Every library is installed as a user would have it, and compiled: with a missing byte code cache the figures for imports
would be those of the compiler. This package is built and installed anew whenever its sources have changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Subject:
    """A library that is measured."""

    title: str
    requirement: str
    directory: str
    also: tuple[str, ...] = ()
    """What is needed beside it to run functions there."""


SUBJECTS = {
    "ours": Subject("durable-lambda", ".", ".venv-bench-durable-lambda"),
    "ours_served": Subject("durable serve", ".[local]", ".venv-bench-served"),
    "official": Subject(
        "official SDK",
        "aws-durable-execution-sdk-python==3.0.0",
        ".venv-bench-official",
        ("awslambdaric==4.2.2",),
    ),
    "official_runner": Subject(
        "official testing library",
        "aws-durable-execution-sdk-python-testing==1.4.0",
        ".venv-official-runner",
        ("msgspec", "h11"),
    ),
    "deployment": Subject(
        "deployment tools",
        "aws-sam-cli==1.170.0",
        ".venv-deployment",
        ("aws-cdk-lib>=2.237.1", "constructs>=10", "python-hcl2>=7"),
    ),
    "runtime": Subject("Lambda runtime client", "awslambdaric==4.2.2", ".venv-runtime"),
    "async_peer": Subject("async peer", "async-durable-execution==2.5.0", ".venv-bench-async-peer"),
    "dbos": Subject("DBOS", "dbos==3.4.0", ".venv-bench-dbos"),
    "dbos_served": Subject(
        "DBOS behind FastAPI",
        "dbos==3.4.0",
        ".venv-bench-dbos-served",
        ("fastapi==0.165.0", "uvicorn[standard]==0.54.0"),
    ),
}
PEERS = ("official", "official_runner", "async_peer", "dbos")


def clean_environment() -> dict[str, str]:
    """The environment of every process started here: none of Python's own switches is passed on."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def python_of(subject: str) -> Path:
    """The interpreter of a subject; what is `bare` runs in ours."""
    return ROOT / SUBJECTS.get(subject, SUBJECTS["ours"]).directory / "bin" / "python"


def prepare(subject: str, say: Callable[[str], None]) -> str:
    """Make the environment unless it is there; the versions that it has, one a line."""
    it = SUBJECTS[subject]
    stamp = ROOT / it.directory / ".installed"
    wanted = _sources_digest() if it.requirement.startswith(".") else " ".join((it.requirement, *it.also))
    with _alone(it.directory):
        if not stamp.exists() or stamp.read_text() != wanted:
            say(f"installing {it.title} ({it.requirement}) into {it.directory}")
            if not python_of(subject).exists():
                _run([sys.executable, "-m", "venv", "--clear", str(ROOT / it.directory)])
            _install(subject, it, say)
            stamp.write_text(wanted)
    return _run([str(python_of(subject)), "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"])


@contextmanager
def _alone(directory: str) -> Generator[None]:
    """One process at a time makes an environment: the tests run in several."""
    with (ROOT / f"{directory}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(subject: str, it: Subject, say: Callable[[str], None]) -> None:
    pip = [str(python_of(subject)), "-m", "pip", "install", "--disable-pip-version-check"]
    if it.requirement.startswith("."):
        _run([*pip, f"{ROOT}{it.requirement[1:]}"])
        _run([*pip, "--force-reinstall", "--no-deps", "--no-cache-dir", str(ROOT)])
    else:
        try:
            _run([*pip, it.requirement, *it.also])
        except subprocess.CalledProcessError:
            newest = it.requirement.partition("==")[0]
            say(f"{it.requirement} cannot be had; taking the newest {newest} there is")
            _run([*pip, newest, *it.also])
    _run([str(python_of(subject)), "-m", "compileall", "-q", str(ROOT / it.directory / "lib")], check=False)


def _sources_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted([ROOT / "pyproject.toml", *(ROOT / "src").rglob("*.py")]):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _run(command: list[str], *, check: bool = True) -> str:
    try:
        done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=check)
    except subprocess.CalledProcessError as error:
        print(error.stdout[-2000:], error.stderr[-4000:], sep="\n", file=sys.stderr)
        raise
    return done.stdout

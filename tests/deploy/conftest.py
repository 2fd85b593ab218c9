"""The tools of those who deploy, in an environment of their own, which is made when it is first needed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.environments import clean_environment, prepare, python_of

Tool = Callable[..., str]


@pytest.fixture(scope="session")
def tool() -> Tool:
    """`tool("cfn-lint", …)`: runs a tool, which must succeed, and gives what it prints."""
    prepare("deployment", print)
    folder = python_of("deployment").parent

    def run(name: str, *arguments: str | Path, cwd: Path | None = None, **environ: str) -> str:
        done = subprocess.run(
            [folder / name, *arguments],
            cwd=cwd,
            env={
                **clean_environment(),
                "AWS_DEFAULT_REGION": "eu-west-1",
                "SAM_CLI_TELEMETRY": "0",
                "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr[-3000:]
        return done.stdout

    return run

"""A function's process as Lambda has it: the real runtime client, with Lambda's variables."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PYTHON = Path(sys.executable)
NOTHING: Mapping[str, str] = {}


@contextmanager
def lambda_process(
    folder: Path, server_url: str, handler: str, port: int, *, python: Path = PYTHON, also: Mapping[str, str] = NOTHING
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that serves `module.function` of a folder, and logs to `module.function.log` there.

    Args:
        port: of the Runtime API that it asks for invocations.
        python: the interpreter that it runs on.
        also: variables that it has beside Lambda's, or instead of those here.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_ENDPOINT_URL_LAMBDA": server_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "of nobody",
        "AWS_SECRET_ACCESS_KEY": "of nobody",
        "LAMBDA_TASK_ROOT": str(folder),
        "AWS_LAMBDA_FUNCTION_NAME": handler.rpartition(".")[2],
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        **also,
    }
    with (folder / f"{handler}.log").open("ab") as log:
        runtime = subprocess.Popen(
            [python, "-m", "awslambdaric", handler], env=environment, cwd=folder, stdout=log, stderr=log
        )
    try:
        yield runtime
    finally:
        runtime.kill()
        runtime.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

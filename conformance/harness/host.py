"""Hosts the functions behind the Invoke API, each in processes of its own, as Lambda does.

A handler that ends its process, raises, or takes too long is told as Lambda tells it: `X-Amz-Function-Error`.
"""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from harness.functions import Function

MAX_IDLE = 6
"""Processes that are kept for the next invocation."""


class Logs:
    """What the functions printed, line by line."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._lock = threading.Lock()

    def append(self, function: str, line: str) -> None:
        now = time.time_ns() // 1_000_000
        with self._lock:
            self._lines[function].append({"timestamp": now, "ingestionTime": now, "message": line})

    def of(self, function: str, since: int) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(line) for line in self._lines[function] if line["timestamp"] >= since]


class Environment:
    """A process that runs a function."""

    def __init__(self, function: Function, variables: Mapping[str, str], logs: Logs) -> None:
        self.function = function
        self._answers, theirs = os.pipe()
        requests, self._requests = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("worker.py"), function.handler, str(requests), str(theirs)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**variables, "PYTHONPATH": str(function.root), **function.environment},
            pass_fds=(requests, theirs),
            text=True,
            errors="replace",
        )
        os.close(requests)
        os.close(theirs)
        self._reader = threading.Thread(target=self._read_logs, args=(logs,), daemon=True)
        self._reader.start()

    def call(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; `None` if the process has ended instead. Raises `TimeoutError`."""
        try:
            pending = memoryview(json.dumps(request).encode() + b"\n")
            while pending:
                pending = pending[os.write(self._requests, pending) :]
        except OSError:
            return None
        ends_at = time.monotonic() + self.function.timeout
        received = b""
        while not received.endswith(b"\n"):
            ready, _, _ = select.select([self._answers], [], [], max(0.0, ends_at - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(self._answers, 1 << 20)
            if not piece:
                return None
            received += piece
        return json.loads(received)

    def close(self) -> int:
        """End the process. Returns its exit status."""
        os.close(self._requests)
        os.close(self._answers)
        if self.process.poll() is None:
            self.process.kill()
        status = self.process.wait()
        self._reader.join(timeout=2)
        return status

    def _read_logs(self, logs: Logs) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            logs.append(self.function.name, line.rstrip("\n"))


class FunctionHost:
    """The Invoke API of some functions, on a free port."""

    def __init__(self, functions: dict[str, Function]) -> None:
        self.functions = functions
        self.logs = Logs()
        self.variables: dict[str, str] = {}
        """The environment of every function; set before the first invocation."""
        self._idle: list[Environment] = []
        self._lock = threading.Lock()
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_POST(self) -> None:
                status, body, headers = host.invoke(
                    self.path, self.rfile.read(int(self.headers.get("content-length", 0))), self.headers
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End every process that is idle, and answer no more."""
        self._server.shutdown()
        self._server.server_close()
        for environment in self._idle:
            environment.close()

    def invoke(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        """Run a function: status, body and headers of the answer."""
        match = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", path)
        function = self.functions.get(unquote(match[1]).partition(":")[0]) if match else None
        if function is None:
            return 404, b'{"Message": "Function not found"}', {"x-amzn-errortype": "ResourceNotFoundException"}
        environment = self._take(function)
        request_id = str(uuid.uuid4())
        request = {
            "request_id": request_id,
            "function": function.name,
            "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}",
            "timeout": function.timeout,
            "tenant_id": headers.get("x-amz-tenant-id"),
            "event": json.loads(body or b"{}"),
        }
        try:
            answer = environment.call(request)
        except TimeoutError:
            environment.close()
            return _failure("Sandbox.Timedout", f"{request_id} timed out after {function.timeout} seconds")
        if answer is None:
            status = environment.close()
            return _failure("Runtime.ExitError", f"{request_id} ended its process with status {status}")
        self._give_back(environment)
        if "error" in answer:
            return 200, json.dumps(answer["error"]).encode(), {"x-amz-function-error": "Unhandled"}
        return 200, answer["payload"].encode(), {}

    def _take(self, function: Function) -> Environment:
        with self._lock:
            for environment in self._idle:
                if environment.function is function and environment.process.poll() is None:
                    self._idle.remove(environment)
                    return environment
        return Environment(function, self.variables, self.logs)

    def _give_back(self, environment: Environment) -> None:
        with self._lock:
            self._idle.append(environment)
            surplus = self._idle.pop(0) if len(self._idle) > MAX_IDLE else None
        if surplus is not None:
            surplus.close()


def _failure(kind: str, message: str) -> tuple[int, bytes, dict[str, str]]:
    body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    return 200, body, {"x-amz-function-error": "Unhandled"}

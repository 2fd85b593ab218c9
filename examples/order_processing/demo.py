"""What `make demo` shows: an order carried to its receipt, and another one that survives `kill -9`.

Everything here is the `durable` command, called as a person would call it from two terminals. Approving is done by a
second process, as soon as the first one waits for it.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = Path.cwd() / "out" / "demo"
DB = os.path.relpath(OUT / "orders.db", HERE)
DURABLE = str(Path(sys.executable).with_name("durable"))
PATIENCE = 60.0  # seconds


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    say(f"In {os.path.relpath(HERE)}; executions are kept in {os.path.relpath(OUT)}.")
    approve_a_large_order()
    survive_a_kill()
    say("More: durable --help, and the README.")


def approve_a_large_order() -> None:
    say("1. A large order. It waits for an approval, which another process gives.")
    answered: list[str] = []
    approver = threading.Thread(target=approve, args=("order-1043", answered))
    approver.start()
    run_shown("order_large.json", "order-1043")
    approver.join()
    print("\nMeanwhile, in another process:\n")
    for command in answered:
        print(f"$ {command}")


def approve(name: str, answered: list[str]) -> None:
    """The other process: find the callback that is waited for, and answer it. Notes what it did."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        shown = durable("show", name, "--db", DB, "--json")
        operations = json.loads(shown.stdout)["Operations"] if shown.returncode == 0 else []
        asked = any(each.get("Name") == "ask for approval" and each["Status"] == "SUCCEEDED" for each in operations)
        for operation in operations:
            if asked and operation["Type"] == "CALLBACK":
                callback_id = operation["CallbackDetails"]["CallbackId"]
                answer = json.dumps({"approved": True, "by": "grace"})
                command = ["callback", "success", callback_id, "--result", answer, "--db", DB]
                durable(*command).check_returncode()
                answered += [shlex.join(["durable", "show", name, "--db", DB]), shlex.join(["durable", *command])]
                return
        time.sleep(0.2)


def survive_a_kill() -> None:
    name, event = "order-1042", "order.json"
    say("2. An order whose process is killed while three reservations are under way.")
    command = show_command(event, name)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment(name), cwd=HERE
    ) as run:
        assert run.stdout is not None
        for line in run.stdout:
            print("  " + line, end="", flush=True)
            if "reserve" in line and "running" in line:
                run.send_signal(signal.SIGKILL)
                break
    print(f"\n  kill -9 {run.pid}", flush=True)
    before = effects(name)

    say("3. The same command again: it goes on where it stood.")
    run_shown(event, name)
    after = effects(name)

    say("4. What the steps of that order did to the world, and how often.")
    for effect, count in after.items():
        print(f"  {count} x  {effect}" + ("   (before the kill)" if effect in before else ""))
    if any(count != 1 for count in after.values()):
        raise SystemExit("an effect happened more than once")
    print("\n  Each effect happened once: no step that had completed ran again.")


def run_shown(event: str, name: str) -> None:
    """`durable run`, writing to this terminal."""
    subprocess.run(show_command(event, name), env=environment(name), cwd=HERE, check=True)


def show_command(event: str, name: str) -> list[str]:
    """The command that runs an order, after showing it."""
    arguments = ["run", "app.py:handler", "--event", f"@{event}", "--name", name, "--db", DB]
    print(f"\n$ {shlex.join(['durable', *arguments])}\n", flush=True)
    return [DURABLE, *arguments]


def durable(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command of the other process; what it prints is not shown, since it would get into the tree."""
    command = [DURABLE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=HERE, check=False)


def environment(name: str) -> dict[str, str]:
    """Each order's effects go to a file of their own."""
    return {**os.environ, "ORDER_EFFECTS": str(OUT / f"{name}.effects"), "PYTHONIOENCODING": "utf-8"}


def effects(name: str) -> Counter[str]:
    """What the steps of an order have done to the world so far."""
    return Counter((OUT / f"{name}.effects").read_text().splitlines())


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    main()

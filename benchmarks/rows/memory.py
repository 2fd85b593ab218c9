"""How much memory a process has used at most when the imports of a handler's file are done.

On Linux from /proc: `ru_maxrss` also counts what the parent had before the new program was loaded.
"""

from __future__ import annotations

from benchmarks.figures import Line, Probe, Results, over, times, within
from benchmarks.rows.imports import STATEMENTS

TITLE = "Memory after import"

_CODE = {**STATEMENTS, "bare": "import asyncio, json, logging, msgspec"}

PEAK_MEMORY = """
try:
    with open("/proc/self/status") as status:
        kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except OSError:
    import resource, sys
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
"""


def now_and_peak_mib(pid: int | str = "self") -> tuple[float, float]:
    """Resident memory of a running process (Linux alone): now, and at most so far."""
    with open(f"/proc/{pid}/status") as status:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS", "VmHWM"))}
    return kib["VmRSS"] / 1024, kib["VmHWM"] / 1024


def plan(quick: bool) -> list[Probe]:
    return [Probe(subject, 2 if quick else 5) for subject in _CODE]


def script(subject: str) -> str:
    return f"{_CODE[subject]}\n{PEAK_MEMORY}\nprint('{{\"mib\": %r}}' % (kib / 1024))"


def lines(results: Results) -> list[Line]:
    figures = results.medians("mib", _CODE)
    of_floor = over(figures["ours"], figures["bare"])
    return [
        Line(
            "peak memory",
            "MiB",
            figures,
            f"≤ 1.25 × floor (asyncio, json, logging, msgspec): {times(of_floor)}",
            within(of_floor, 1.25),
            results.noise("ours", "mib"),
        )
    ]

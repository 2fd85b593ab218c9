"""Runs in a subject's own interpreter: `python benchmarks/probe.py ROW SUBJECT OPTIONS`, the options as JSON.

Calls the row's `measure(subject, **options)` and prints what it returns as JSON, on the last line of the output.
"""

import importlib
import json
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    row, subject, options = sys.argv[1:]
    measured = importlib.import_module(f"benchmarks.rows.{row}").measure(subject, **json.loads(options))
    print(json.dumps(measured), flush=True)

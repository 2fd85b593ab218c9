#!/bin/sh
# Makes the virtual environment $VENV with a Python that is new enough, and installs this package into it.
# Called by the Makefile. PYTHON names the interpreter to try first.
set -eu

PYTHON="${PYTHON:-python3}"
VENV="${VENV:-.venv}"

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in "$PYTHON" python3 python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "durable-lambda needs Python 3.11 or newer; '$PYTHON' is" \
        "$("$PYTHON" --version 2>&1 || echo 'not there')." >&2
    echo "Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2
    return 1
}

if ! { [ -x "$VENV/bin/python" ] && new_enough "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python="$(find_python)"
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "$python cannot make virtual environments: its 'venv' module is missing." >&2
        echo "On Debian or Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
    echo "Making $VENV with $("$python" --version)"
    rm -rf "$VENV"
    "$python" -m venv "$VENV"
fi

echo "Installing durable-lambda and its development tools into $VENV (about a minute the first time)"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[${EXTRAS:-dev}]"

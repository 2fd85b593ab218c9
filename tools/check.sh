#!/bin/sh
# Lint, formatting, types, layers: all of them, so that one run tells everything. Called by the Makefile.
# BIN is where the tools are; the arguments are the folders to look at.
set -u

red=""

check() {
    label="$1"
    shift
    printf '\n%s\n' "$label"
    "$@" || red="$red, $label"
}

check "ruff check" "$BIN/ruff" check --quiet "$@"
check "ruff format" "$BIN/ruff" format --check --quiet "$@"
check "pyright" env PYRIGHT_PYTHON_IGNORE_WARNINGS=1 "$BIN/pyright" --pythonpath "$BIN/python"
check "lint-imports" "$BIN/lint-imports"

if [ -n "$red" ]; then
    printf '\nred: %s\n' "${red#, }"
    exit 1
fi
printf '\nall green\n'

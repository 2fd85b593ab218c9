#!/bin/sh
# Makes .venv-conformance: this package, and the public conformance tests. Called by the Makefile.
# The tests ask for a newer Python than they need, so they are installed without their dependencies.
set -eu

export EXTRAS="local,aws" VENV=".venv-conformance"
sh tools/setup.sh
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check pyyaml packaging
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
    aws-durable-execution-conformance-tests==1.0.0

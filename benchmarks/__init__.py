"""Measures durable-lambda beside its peers, in one run: `python -m benchmarks --help`.

Nothing here is part of the package. A *subject* (`subjects/`) is a library in an environment of its own; a *row*
(`rows/`) is a question that each subject is asked, in fresh processes and in turn, so that whatever else the machine is
doing falls on all of them alike.
"""

"""The rows of the table, in its order. Each is a module as `figures.Row` says."""

NAMES = (
    "imports",
    "memory",
    "empty",
    "replay",
    "fresh",
    "delayed",
    "map_items",
    "calls",
    "cold_start",
    "engine_step",
    "engine_load",
    "recovery",
    "served_step",
    "served_load",
    "served_recovery",
    "growth",
    "unit_test",
)

LONG = ("growth_embedded", "growth_served")
"""Rows that take minutes: measured when they are named, or with `--long`."""

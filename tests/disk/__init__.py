"""A simulated disk under the engine's store: what is there after a loss of power at any write and any sync.

The engine, its store and Python's own `sqlite3` run as they are. Below them `vfs` lets a `SimulatedDisk` see each
write, truncation, sync, creation and deletion on its way to the file. The disk keeps them as a log, and fails those
that it is told to fail. `medium` knows what such a log may leave behind when power is lost: everything that was synced,
and of the rest whatever bad luck leaves. So one run of a `workload` gives every cut there is: each prefix of the log,
several ways each. `verdict` opens what is left, as the product opens it, and compares it with what was acknowledged.

Not simulated: a disk that lies about a sync, sectors that rot later, reads that fail, names that cannot be created.

`soak` does the same for longer: `PYTHONPATH=tests python -m disk.soak --minutes 10`.
"""

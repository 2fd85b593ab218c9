"""How often Python's garbage collector runs in a process that serves an engine, or works for one.

An execution under way is some hundred objects, and leaves half of them in cycles when it ends. By default the collector
looks at the young ones after 700 more, and at everything when a quarter is new: with a thousand executions at once that
is as much work as the executions themselves, all of it while nothing else runs. So it begins later, and does not look
at what the program was loaded with. The process is the engine's own; in another program that is the program's choice.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 50_000
"""More objects than there were, before the young ones are looked at: those of a few hundred executions."""
ROUNDS: Final = 10
"""Of the young ones, before the older are looked at: as Python has it."""


def collect_seldom() -> None:
    """To be called when the program and its functions are loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, ROUNDS, ROUNDS)

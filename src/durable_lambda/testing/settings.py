"""What holds for a whole test or suite, without naming it at every runner. Imports nothing: pytest loads it always."""

from __future__ import annotations

import os

ALWAYS_REPLAY_VARIABLE = "DURABLE_ALWAYS_REPLAY"
_NO = ("", "0", "false", "no", "off")


class Settings:
    """One for the process; the pytest plugin changes it around each test."""

    def __init__(self) -> None:
        self.always_replay: bool | None = None
        """What a marker says; `None`: what the environment says."""

    def replays_always(self) -> bool:
        """Whether runners suspend and replay at every operation when they are not told themselves."""
        if self.always_replay is not None:
            return self.always_replay
        return os.environ.get(ALWAYS_REPLAY_VARIABLE, "").lower() not in _NO


SETTINGS = Settings()

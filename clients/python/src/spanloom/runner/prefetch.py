"""How many tasks to hold beyond those that run.

Holding more keeps the pipe full when tasks take microseconds; it would let tasks wait here, while another runner is
free, when they take long. So what is held may be at most PREFETCH_SECONDS of work.
"""

from __future__ import annotations

# A few round trips on loopback.
PREFETCH_SECONDS = 0.005
# Weight of the newest duration: one long attempt among tiny ones changes little, a dozen change all.
WEIGHT = 1 / 16


class Prefetch:
    """Concurrency: guarded by its pool."""

    def __init__(self, most: int, concurrency: int) -> None:
        self._most = most
        self._concurrency = concurrency
        self._average: float | None = None

    def note(self, seconds: float) -> None:
        """Takes note of how long an attempt took."""
        self._average = seconds if self._average is None else self._average + (seconds - self._average) * WEIGHT

    @property
    def allowed(self) -> int:
        """Tasks to hold beyond those that run; 0 until a first attempt has ended."""
        if self._average is None:
            return 0
        return min(self._most, int(self._concurrency * PREFETCH_SECONDS / max(self._average, 1e-6)))

"""Published limits of vendors, kept to the letter: so many calls in any window of so many seconds."""

from collections import deque
from collections.abc import Callable


class Window:
    """Counts calls in a sliding window; a refused call does not count."""

    def __init__(self, calls: int, period_s: float, clock: Callable[[], float]) -> None:
        self.calls = calls
        self.period_s = period_s
        self._clock = clock
        self._at: deque[float] = deque()

    def take(self) -> float:
        """0.0 when the call may pass, else the seconds until one may."""
        now = self._clock()
        while self._at and self._at[0] <= now - self.period_s:
            self._at.popleft()
        if len(self._at) >= self.calls:
            return self._at[0] + self.period_s - now
        self._at.append(now)
        return 0.0

    @property
    def left(self) -> int:
        return self.calls - len(self._at)

    def reset(self) -> None:
        self._at.clear()

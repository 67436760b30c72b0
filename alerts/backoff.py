"""When to try again: exponentially later, with jitter, as often as bounded, and not before the receiver wants it.

The waits before jitter are 5 s, 10 s, 20 s, … 1 h, 1 h, …; each is then drawn from its upper half. So receivers that
come back are not hit by all at once, an outage of 77 hours is survived whatever is drawn (a draw from the whole, "full
jitter", would guarantee nothing), and what waited is delivered within an hour of the outage's end.
"""

from dataclasses import dataclass
from random import Random

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """A schedule of attempts."""

    tries: int = 165
    """Attempts in all."""
    first: float = 5.0
    """Seconds between the first two, before jitter."""
    most: float = HOUR
    """Seconds between any two, before jitter."""
    asked: float = 6 * HOUR
    """The longest wait that a receiver can ask for, in seconds."""

    def wait(self, failed: int, retry_after: float | None, rng: Random) -> float | None:
        """Seconds until the next attempt.

        Args:
            failed: attempts so far, all failed, at least 1.
            retry_after: what the receiver asked for, in seconds.
            rng: where the jitter comes from.

        Returns:
            None: no more; it is given up.
        """
        if failed >= self.tries:
            return None
        step = min(self.most, self.first * 2.0 ** min(failed - 1, 60))
        drawn = rng.uniform(step / 2, step)
        return max(drawn, min(retry_after or 0.0, self.asked))

    @property
    def lasts(self) -> float:
        """Seconds between the first attempt and the last, at least."""
        return sum(min(self.most, self.first * 2.0 ** min(n, 60)) / 2 for n in range(self.tries - 1))

"""The partitions that a worker owns, and how far it has read and committed each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from drift.core.commit import Advance, Claim, Gap


@dataclass(slots=True)
class Held:
    """One owned partition.

    `expected` is where this buffer began; it is never read again from SQL, and a commit that finds another value there
    is refused. `next` is where reading goes on.
    """

    claim: Claim
    expected: int | None
    next: int | None
    log_end: int
    committed: dict[int, int]
    """Model id → watermark as of `expected`."""
    watermarks: dict[int, int] = field(default_factory=dict)
    """Model id → watermark as of `next`."""
    records: int = 0
    """Read since `expected`."""
    finished: bool = False
    ended: bool = False
    """`finished` is committed."""
    gaps: tuple[Gap, ...] = ()
    """Gaps whose later side is not known as of `next` …"""
    open: tuple[Gap, ...] = ()
    """… and as of `expected`."""

    @staticmethod
    def of(claim: Claim, watermarks: dict[int, int], gaps: Sequence[Gap] = ()) -> "Held":
        """A partition just acquired."""
        # the end is not known yet: behind, until the client has said so
        end = (claim.next or 0) + 1
        return Held(
            claim, claim.next, claim.next, end, dict(watermarks), dict(watermarks), gaps=tuple(gaps), open=tuple(gaps)
        )

    @property
    def moved(self) -> bool:
        """Whether there is anything to commit."""
        return self.next is not None and (self.next != self.expected or self.finished != self.ended)

    @property
    def lag(self) -> int:
        """Records between the position and the end."""
        return max(0, self.log_end - (self.next or 0))

    def advance(self) -> Advance:
        """This partition's part of a commit."""
        return Advance(
            self.claim, self.expected, self.next or 0, self.log_end, dict(self.watermarks), self.finished, self.records
        )

    def settle(self) -> None:
        """The commit went through."""
        self.expected, self.committed, self.records = self.next, dict(self.watermarks), 0
        self.ended, self.open = self.finished, self.gaps

    def rewind(self) -> Claim:
        """Forget what was read since the last commit; the claim says where to read again."""
        self.next, self.watermarks, self.records = self.expected, dict(self.committed), 0
        # a gap that was not committed is found again by the source
        self.finished, self.gaps = self.ended, self.open
        return Claim(self.claim.partition, self.claim.epoch, self.expected)

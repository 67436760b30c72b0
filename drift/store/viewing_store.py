"""The part of the store that only the web page uses. Each method is one transaction that reads."""

from collections.abc import Collection, Sequence

from drift.core.baseline import Stretch
from drift.core.catalogue import Reference
from drift.core.profile import Profile
from drift.core.result import Judgement
from drift.core.window import Window
from drift.store import results, viewing
from drift.store.rows import WindowRow
from drift.store.transactions import Transactions
from drift.store.viewing import Standing


class ViewingStore(Transactions):
    """Methods of `Store`."""

    _axes: results.KnownAxes

    def newest_final(self, cuts: Collection[tuple[int, str]]) -> dict[tuple[int, str], WindowRow]:
        """(model id, spec) → its newest final window, whatever its reference."""
        return self._read(lambda c: viewing.newest_final(c, cuts))

    def recent_windows(self, cuts: Collection[tuple[int, str]], limit: int) -> dict[tuple[int, str], list[WindowRow]]:
        """(model id, spec) → its newest windows that were judged, newest first."""
        return self._read(lambda c: viewing.recent(c, cuts, limit))

    def standing_by_model(self) -> dict[int, Standing]:
        """Model id → its alarms that stand and are not snoozed."""
        return self._read(viewing.standing_by_model)

    def judged(self, window_ids: Collection[int], segment: int = 0) -> dict[int, Judgement]:
        """Window id → the judgement of one segment, of its latest revision."""
        return self._read(lambda c: viewing.judged(c, window_ids, segment, self._axes))

    def column_profiles(self, reference: Reference, at: int, stretches: Sequence[Window]) -> list[Profile | None]:
        """For each stretch, ascending: its sums of the block that holds column `at`; the column is at
        `at % BLOCK_COLUMNS` in it. None: no rows."""
        return self._read(lambda c: viewing.column_profiles(c, reference, at, stretches))

    def reference_column(self, reference: Reference, at: int) -> Profile:
        """The reference's own sums of that block; raises NotFound."""
        return self._read(lambda c: viewing.reference_column(c, reference, at))

    def reference_column_stretches(self, reference: Reference, at: int) -> list[Stretch]:
        """The reference's own stretches of time, ascending, with the sums of the block that holds column `at`."""
        return self._read(lambda c: viewing.reference_column_stretches(c, reference, at))

    def answer_column_stretches(self, reference: Reference, at: int, answer_id: int, spec: str) -> list[Stretch]:
        """The windows that an answer keeps, ascending, with the sums of that block."""
        return self._read(lambda c: viewing.answer_column_stretches(c, reference, at, answer_id, spec))

"""Class shares of production in a reference whose classes were sampled at other rates (`label_prior`).

Rows are weighted class-wise, and the weights are whole: 1 or 0. Of each class so many rows are counted that all classes
have the shares of the prior, and as many rows altogether as that allows: T = min over classes of n_y / prior_y. This is
post-stratification with proportional allocation (Cochran 1977, *Sampling Techniques*, ch. 5).

Why rows and not fractions of counts: everything that is kept stays the sums of rows. Nothing is rounded but the
classes' own numbers of rows, to one row; chunks add up to the whole, bin means, products, distinct cells and row
samples are true, and m, which enters the nulls and tolerances, is the effective number of rows: (Σw·n)²/Σw²·n (Kish
1965) of weights 0 and 1 is the number of ones. Fractional weights would be worth at most 1/prior of the scarcest class
times as many rows: where the negatives of a 2 % problem were down-sampled to half of the data, 2 % more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from drift.core.columnar import keys_of
from drift.core.errors import ReferenceRefused
from drift.core.rows import Coded, Key
from drift.core.schema import canonical_key
from drift.reference.sample import mixed

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BLOCK: Final = 1_024
"""Successive rows of a class, of which the due part is chosen by chance: every stretch of the data is thinned alike."""
SLACK: Final = 1e-6
"""By how much the shares may miss 1."""
_SALT: Final = 1 << 40
_SHOWN: Final = 8
_BOOLEAN: Final = {"0": "false", "1": "true"}


@dataclass(frozen=True, slots=True)
class Stratum:
    """One class."""

    rows: int
    """There are."""
    counted: int
    """Of these."""


class Prior:
    """Which rows of a reference are counted. Told of all rows in order, once; the batches' sizes make no difference."""

    def __init__(self, label: str, shares: Mapping[str, float], found: Mapping[str, int] | None, rows: int) -> None:
        """
        Args:
            label: the column with the class.
            shares: class → share in production, 0–1.
            found: class → rows of the data; None: too many classes to count.
            rows: of the data.

        Raises:
            ReferenceRefused: the shares do not sum to 1, or are not those of the data's classes.
        """
        self.label = label
        self._shares = _checked(label, shares, found)
        self._rows = rows
        sizes = {name: (found or {})[name] for name in self._shares}
        self.strata = {name: Stratum(sizes[name], n) for name, n in _allotted(self._shares, sizes).items()}
        self._code = {name: code for code, name in enumerate(self.strata)}
        self._seen = [0] * len(self.strata)

    @property
    def counted(self) -> int:
        """Rows that are counted."""
        return sum(stratum.counted for stratum in self.strata.values())

    @property
    def effective(self) -> float:
        """What all rows with fractional weights would be worth: (Σw·n)²/Σw²·n = 1 / Σ prior_y²/n_y (Kish 1965)."""
        return 1.0 / sum(share**2 / self.strata[name].rows for name, share in self._shares.items())

    def choose(self, raw: Any, n: int) -> Ints:
        """Positions of those of the next n rows that are counted; rows without a class are not.

        Raises:
            ReferenceRefused: there are more rows of a class than there were.
        """
        codes, keep = self._codes(raw, n), np.zeros(n, np.bool_)
        for code, (name, stratum) in enumerate(self.strata.items()):
            at = np.flatnonzero(codes == code)
            first, self._seen[code] = self._seen[code], self._seen[code] + at.size
            if self._seen[code] > stratum.rows:
                raise ReferenceRefused(f"the data changed while it was read: more rows of class {name!r} than at first")
            keep[at] = _among(first, at.size, stratum, _SALT * (code + 1))
        return np.flatnonzero(keep)

    def facts(self) -> dict[str, Any]:
        """For the summary: `column`, `rows` counted, `without` a class, `effective` rows, `classes` (name → `prior`,
        `rows`, `counted`)."""
        return {
            "column": self.label,
            "rows": self.counted,
            "without": self._rows - sum(stratum.rows for stratum in self.strata.values()),
            "effective": round(self.effective, 1),
            "classes": {
                name: {"prior": self._shares[name], "rows": stratum.rows, "counted": stratum.counted}
                for name, stratum in self.strata.items()
            },
        }

    def _codes(self, raw: Any, n: int) -> Ints:
        keys = keys_of(raw, n)
        if isinstance(keys, Coded):
            table = np.array([*map(self._code_of, keys.dictionary), -1], np.int64)
            return table[keys.codes]
        return np.fromiter(map(self._code_of, keys), np.int64, n)

    def _code_of(self, key: Key) -> int:
        named = isinstance(key, str | int | float) and key == key
        return self._code.get(canonical_key(key), -1) if named else -1  # type: ignore[arg-type]  # a name or a number


def prior_notes(facts: Mapping[str, Any]) -> list[str]:
    """What a person should know of it, from `Prior.facts`."""
    classes = facts["classes"].items()
    shares = ", ".join(f"{name}: {_percent(one['prior'])}" for name, one in classes)
    total = sum(one["rows"] for _, one in classes)
    first = (
        f"label_prior: {facts['rows']:,} of {total:,} rows are counted, so that the shares of {facts['column']!r} are "
        f"those of production ({shares}); bins were cut from all rows"
    )
    notes = [first]
    if facts["without"]:
        notes.append(
            f"{facts['without']:,} rows have no {facts['column']!r} and are not counted: their class is unknown"
        )
    if 2 * facts["rows"] < facts["effective"]:
        scarce = min(classes, key=lambda one: one[1]["rows"] / max(one[1]["prior"], 1e-300))
        notes.append(
            f"class {scarce[0]!r} has {scarce[1]['rows']:,} rows, few for its share of {_percent(scarce[1]['prior'])}: "
            "of the other classes only as many rows go with them; more rows of it make a better reference"
        )
    return notes


def _checked(label: str, shares: Mapping[str, float], found: Mapping[str, int] | None) -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > SLACK or any(not 0 <= share <= 1 for share in shares.values()):
        raise ReferenceRefused(f"label_prior: the shares sum to {total:.6g}; they are between 0 and 1 and sum to 1")
    if found is None:
        raise ReferenceRefused(f"label_prior: column {label!r} has too many values to be classes; name another label")
    if found.keys() <= {"false", "true"} and shares.keys() <= {"0", "1"}:
        shares = {_BOOLEAN[name]: share for name, share in shares.items()}
    for more, where, other in (
        (shares.keys() - found.keys(), "the prior", f"column {label!r}"),
        (found.keys() - shares.keys(), f"column {label!r}", "the prior"),
    ):
        if more:
            names = ", ".join(sorted(more)[:_SHOWN]) + (" and more" if len(more) > _SHOWN else "")
            raise ReferenceRefused(
                f"label_prior: {where} has {names}, which {other} has not; give the share of every class that "
                f"stands in {label!r}"
            )
    return {name: shares[name] / total for name in sorted(shares)}


def _allotted(shares: Mapping[str, float], sizes: Mapping[str, int]) -> dict[str, int]:
    """Class → rows counted: the largest numbers in these shares, each to one row (largest remainders)."""
    total = int(min(sizes[name] / share for name, share in shares.items() if share) + 1e-9)
    exact = {name: share * total for name, share in shares.items()}
    counted = {name: min(int(x + 1e-9), sizes[name]) for name, x in exact.items()}
    short = total - sum(counted.values())
    for name in sorted(exact, key=lambda name: (counted[name] - exact[name], name))[:short]:
        counted[name] = min(counted[name] + 1, sizes[name])
    return counted


def _among(first: int, n: int, stratum: Stratum, salt: int) -> Bools:
    """Which of n rows of a class, from its row number `first` on, are counted.

    Of each block of 1,024 rows the due number, by a permutation that hashes of the rows' numbers make. O(n).
    """
    if not n:
        return np.zeros(0, np.bool_)
    keep, begin = [], first // BLOCK * BLOCK
    for start in range(begin, first + n, BLOCK):
        stop = min(start + BLOCK, stratum.rows)
        due = stop * stratum.counted // stratum.rows - start * stratum.counted // stratum.rows
        hashes = mixed(np.arange(salt + start, salt + stop, dtype=np.uint64))
        keep.append(hashes.argsort() < due)
    return np.concatenate(keep)[first - begin : first - begin + n]


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"

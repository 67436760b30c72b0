"""Words of free text: which of them the reference never had, with nothing kept of the reference but hashes.

A word is a run of letters in lower case; all runs of digits are one word. Of scripts that put no spaces between words
(Chinese, Japanese, Thai, Lao, Khmer, Burmese) every letter is a word. Punctuation is none.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

LENGTH: Final = "length"
OOV: Final = "oov"
EMPTY: Final = "empty"
TEXTS: Final = (LENGTH, OOV, EMPTY)
"""What a text column derives: characters; share of words out of vocabulary; 1 where it holds no word."""

MOST_WORDS: Final = 10_000
"""Words in a vocabulary."""
READ: Final = 20_000
"""Characters of a text that are looked at for words."""
_REMEMBERED: Final = 20_000
_LONGEST: Final = 64
"""A word is known by its first letters."""
_NO_SPACES: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD: Final = re.compile(rf"[{_NO_SPACES}]|\d+|[^\W\d_{_NO_SPACES}]+")
_DIGIT: Final = re.compile(r"\d")
_NUMBER: Final = "0"

Hashes = npt.NDArray[np.uint32]


def words(text: str) -> list[str]:
    """The words of a text, in order. About 0.1 µs each."""
    found: list[str] = _WORD.findall(text[:READ].lower())
    if _DIGIT.search(text, 0, READ) is None:
        return found
    return [_NUMBER if word[0].isdigit() else word for word in found]


def is_empty(text: str) -> bool:
    """Whether a text holds no word."""
    return _WORD.search(text, 0, READ) is None


def word_hash(word: str) -> int:
    """A stable 32-bit hash: among 10,000 words a strange one is taken for a known one once in 430,000."""
    return int.from_bytes(blake2b(word[:_LONGEST].encode("utf-8", "replace"), digest_size=4).digest(), "little")


def vocabulary(texts: Iterable[str], most: int = MOST_WORDS) -> bytes:
    """The words that stand in two texts at least, the most frequent ones, as sorted 32-bit hashes. At most 40 kB."""
    counts = Counter[str]()
    for text in texts:
        counts.update(set(words(text)))
    ranked = sorted((-count, word) for word, count in counts.items() if count > 1)
    hashes = np.array([word_hash(word) for _, word in ranked[:most]], "<u4")
    return np.unique(hashes).tobytes()


class Known(dict[str, bool]):
    """Word → whether a vocabulary has it; remembers a bounded number of words."""

    def __init__(self, learned: bytes) -> None:
        super().__init__()
        self._hashes = frozenset(np.frombuffer(learned, "<u4").tolist())

    def __missing__(self, word: str) -> bool:
        known = word_hash(word) in self._hashes
        if len(self) < _REMEMBERED:
            self[word[:_LONGEST]] = known
        return known

    def strange(self, found: list[str]) -> float:
        """The share of these words that the vocabulary does not have, 0–1; NaN where there are none."""
        return 1.0 - sum(map(self.__getitem__, found)) / len(found) if found else float("nan")


@lru_cache(maxsize=256)
def known(learned: bytes) -> Known:
    """What looks words up in a vocabulary, made once."""
    return Known(learned)

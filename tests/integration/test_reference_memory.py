"""A reference larger than its memory: the file is read twice, and never held."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS, COLUMNS = 2_000_000, 20
PER_GROUP = 250_000

CHILD = """
import json, resource, sys
import pyarrow.csv, pyarrow.parquet
from drift.reference import build_reference
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
built = build_reference(sys.argv[1])
print(json.dumps({"rows": built.profile.rows(), "counted": int(built.profile.column_counts(3).sum()),
                  "chunks": len(built.chunks), "megabytes": peak() - before}))
"""


def write(path: Path, rows: int) -> Path:
    rng = np.random.default_rng(0)
    schema = pa.schema([("time", pa.timestamp("us", "UTC")), *((f"c{i}", pa.float64()) for i in range(COLUMNS))])
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for first in range(0, rows, PER_GROUP):
            time = pa.array(1_700_000_000_000_000 + 1_000_000 * np.arange(first, first + PER_GROUP))
            columns = [pa.array(rng.normal(size=PER_GROUP)) for _ in range(COLUMNS)]
            writer.write_table(pa.table([time.cast(schema.field(0).type), *columns], schema=schema))
    return path


def built(path: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_memory_is_bounded_by_the_sample_not_by_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "large.parquet", ROWS)
    size = path.stat().st_size / (1 << 20)
    found = built(path)
    assert size > 320
    assert found["rows"] == found["counted"] == ROWS
    assert found["chunks"] > 2_000
    assert found["megabytes"] < 260

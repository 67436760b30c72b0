"""The first straight line: record → pane.

1. poll      `Source.poll`            records, with topic, partition, offset
2. decode    `Decoder.decode`         one columnar batch a model; the rest with its reason
3. assign    `assign.assign`          panes by event time; the reference by model version and time
4. count     `core.Counter.count`     sums per pane
5. commit    `Sink.commit`            sums, positions and dead letters in one SQL transaction, fenced
6. tell      `Source.commit`          informative only; after an assignment the worker goes by the SQL positions
"""

from drift.pipeline.worker import Options, Worker

__all__ = ["Options", "Worker"]

"""The demo's drift.yaml: what a user with this model would write."""

from typing import Final

from drift.demo.flights import THRESHOLD, ZONE
from drift.demo.stream import MODEL, VERSION

TEMPLATE: Final = f"""\
# What Driftsum watches here, and how. `drift validate` checks this file; `drift serve` runs it.

store: sqlite:///drift.db

models:
  {MODEL}:
    # The first quarter, scored by models that had not seen it: what production is compared with.
    reference: reference.parquet
    version: {VERSION}
    # Columns, kinds and roles are inferred; prediction, score, label, time and id are found by their names.
    # The model calls a flight late from this score on, so the score's grid gets an edge there.
    thresholds: [{THRESHOLD}]
    # Each airport is judged apart as well.
    segments: [origin]
    # Flights are counted in stretches of 15 minutes, and any number of these makes a window. Airlines plan by the week,
    # so each day, at midnight in New York, the seven days before it are judged.
    pane: 15m
    windows: [{{{{length: 7d, hop: 1d}}}}]
    timezone: {ZONE}
    # The log is in order; rows that come even later are still counted and the window is judged again.
    lateness: 15m
    rules:
      # The model's output, the delays, the schedule: a fixed threshold on PSI is what many a team starts with.
      - when: psi > 0.2 and chi2_q < 0.001
        columns: [prediction, score, recent_delay, carrier, origin, dest, hour, distance]
      # A week's weather never looks like a quarter's, which is no fault; that it is missing would be one.
      - missing_change > 0.1 and missing_change_q < 0.001

# How long things are kept. The default of 90 days of panes would drop this year's spring.
retention:
  panes: 400d
  results: 400d

server:
  port: {{port}}
"""

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
    # Flights are counted in stretches of 15 minutes, and any number of these makes a window: here the day, midnight
    # to midnight in New York.
    pane: 15m
    windows: [1d]
    timezone: {ZONE}
    # The log is in order; rows that come even later are still counted and the window is judged again.
    lateness: 15m
    # What is to be watched for is not said: how far each column wanders by itself is learnt from the reference's own
    # days, and more than one false alarm in this time is not allowed.
    alarm_budget: 1 per 30d

# How long things are kept. The default of 90 days of panes would drop this year's spring.
retention:
  panes: 400d
  results: 400d

server:
  port: {{port}}
"""

"""A year of flights: what the default detector would have paged, and what fixed thresholds would have.

`python -m benchmarks.flights` writes docs/flights.md and its picture.
"""

"""How many false alarms, how long until a real one: `python -m benchmarks.quality` writes docs/detector-quality.md."""

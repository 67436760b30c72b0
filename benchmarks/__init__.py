"""How fast, how large: `python -m benchmarks` measures and writes docs/benchmarks.md."""

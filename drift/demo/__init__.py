"""The demo: real flights, a real model, the real pipeline."""

from drift.demo.run import Serve, run_demo
from drift.demo.summary import Month, Summary, Told

__all__ = ["Month", "Serve", "Summary", "Told", "run_demo"]

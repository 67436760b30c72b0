"""The demo: real flights, a real model, the real pipeline."""

from drift.demo.run import Serve, run_demo
from drift.demo.summary import Month, Summary

__all__ = ["Month", "Serve", "Summary", "run_demo"]

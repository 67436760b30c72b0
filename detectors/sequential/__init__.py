"""Detectors that remember the windows before: one file (or package) each, named as the configuration names it."""

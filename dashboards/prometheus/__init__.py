"""Prometheus rules: what is recorded, and what a person is told, with a runbook for each."""

"""Grafana dashboards: fleet, model, pipeline; each answers one question and leads to the next."""

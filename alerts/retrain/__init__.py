"""Retraining: which incident starts which pipeline, and how a pipeline is started and followed over HTTP.

| module | what |
| --- | --- |
| `trigger` | one trigger as a frozen value: requests, authentication, where ids stand, what to follow |
| `template`, `paths` | placeholders filled into JSON and URLs; values picked out of answers |
| `target`, `asking`, `authorize` | carries a trigger out: look, check, start, follow |
| `presets/` | one file per system: options → trigger |
| `policy`, `conf` | which incident needs a run, and what the run is given; pure |
| `runner` | a thread per trigger: requested → running → ended |
| `reporting` | what a pipeline says itself of its end |
"""

"""Where records come from. Every source fulfils `drift.pipeline.ports.Source` and passes the same contract test."""

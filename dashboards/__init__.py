"""What people look at: Prometheus rules and Grafana dashboards as code.

`python -m dashboards` writes the rules to dashboards/prometheus/*.yml and the dashboards to dashboards/grafana/*.json;
a test fails while the files differ. Every metric name comes from `drift.metrics.names`.
"""

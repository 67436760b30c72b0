"""What people look at: Grafana dashboards, Prometheus rules, the web page and reports."""

"""Values and arithmetic: no I/O, no Kafka, SQL, HTTP or Prometheus library is imported below this package."""

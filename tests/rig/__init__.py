"""Real services for tests: small context managers around Kafka, PostgreSQL, Prometheus and our own processes.

Every server listens on loopback only, on a port that was free, keeps its data in a temporary directory, and ends with
the test run however that ends (see `tests.rig.proc`).
"""


class ServiceUnavailableError(Exception):
    """This machine lacks a program that the service needs. The message names it and how to get it.

    A service that is installed and then fails to start raises `tests.rig.proc.ProcessError` instead, which is never
    skipped.
    """

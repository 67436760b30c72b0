"""What reports are made of: the store's sums, and a subprocess for Evidently's."""

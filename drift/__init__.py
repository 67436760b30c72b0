"""Driftsum: drift monitoring by exact sums. Importing this package imports nothing else."""

"""Distances between distributions, one file each; found by `detectors.names`."""

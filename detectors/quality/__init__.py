"""Checks of the data's quality, one file each; found by `detectors.names`."""

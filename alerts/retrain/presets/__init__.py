"""One file per system that can retrain a model."""

"""What the formats share: where a model's columns stand in an event, and how values become columns."""

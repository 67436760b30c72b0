"""What the templates show: one module of frozen dataclasses per screen."""

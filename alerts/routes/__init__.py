"""Where messages go: one file per kind of receiver."""

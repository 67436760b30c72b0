"""From sources to columns: where records come from and how they are decoded."""

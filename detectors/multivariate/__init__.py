"""Statistics of several columns at once, from sums of products: one file each, found by name like all others."""

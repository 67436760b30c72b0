"""Changes of the data's form, named as such: renamed, vanished and new columns, units, types, codes."""

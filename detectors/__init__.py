"""Pure functions of sums that decide whether something drifted."""

"""Score, gate and select: pure functions that know no transport."""

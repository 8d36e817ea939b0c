"""A market day: one plan, played under virtual time and live, held to the books."""

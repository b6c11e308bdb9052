"""Iris: which of three species a flower is, by the length and width of its sepals and petals."""

"""What fits into a GPU's memory, and how an engine fills it."""

"""Nothing of it is used but that it can be imported."""

"""Programs of the stand-in images; within an image they are importable under the same names."""

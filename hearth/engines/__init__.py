"""Engines: a model and a version become an image, arguments, environment and probes."""

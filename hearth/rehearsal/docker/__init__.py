"""A Docker engine of a rehearsal's own, with stand-in images, and the course of a Docker stack on it."""

"""A client's view of a running stack: each model answers as the plan says that it can."""

"""Facts as data: GPUs, models and their sizes, pinned versions. Every file names its sources."""

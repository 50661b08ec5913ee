"""Makes the engine tables: flags, parser names, metrics and paths by version, read from the published packages."""

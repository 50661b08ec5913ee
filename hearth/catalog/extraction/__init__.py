"""Makes the table of Open WebUI's environment variables from its published package, which is read and never run."""

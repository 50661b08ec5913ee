"""The modules of Open WebUI that the migration imports."""

"""What Open WebUI's image has in /app/backend, as far as the stack uses it."""

"""Resource providers of our own, which Pulumi's engine uses where the official plugins are not installed."""

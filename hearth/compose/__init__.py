"""A Docker stack as a Compose file, for those who do not use Pulumi."""

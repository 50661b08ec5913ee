"""What a plan says, as data and as text for a terminal."""

"""What a rehearsal found out, for the terminal, a browser, a README and other programs."""

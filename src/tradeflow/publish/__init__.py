"""Stage 8: the release."""

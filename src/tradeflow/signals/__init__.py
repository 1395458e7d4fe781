"""Stage 7: all of the above in, `signal` out."""

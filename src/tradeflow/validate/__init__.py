"""Stage 2: holds any table to its contract; the rows that break it are kept apart with the reason."""

"""Stage 1: asks a source and keeps its answer byte for byte, with a manifest."""

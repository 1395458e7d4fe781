"""Stage 4: `trade_flow` in, `mirror_pair` out."""

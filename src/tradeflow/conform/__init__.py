"""Stage 3: snapshots of any layout in, `trade_flow` out."""

"""Stage 5: what each flow normally does: `baseline` and `flow_score`."""

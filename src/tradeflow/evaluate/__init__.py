"""Planted and labelled anomalies in, figures out."""

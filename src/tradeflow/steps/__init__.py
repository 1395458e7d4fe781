"""The steps that `tradeflow.pipeline` puts in order: each reads its tables from the lake, calls its stage, commits what it hands over.

A step takes and returns small handles. What it writes carries the key of what it was made from; where tables with that key stand, the
step is done already.
"""

"""Stage 8, publish: the signals and what stands behind them in, one release out: files, report, serving database.

`release.publish_release` writes a release; `reading.read_signals` and `reading.read_signal` answer from the one that is served.
"""

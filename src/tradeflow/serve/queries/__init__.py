"""Questions to the release and the case store: a connection in, rows or frames out. One connection sees one release."""

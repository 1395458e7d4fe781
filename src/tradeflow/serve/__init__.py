"""The release and the case store in, web pages and an HTTP API out, each answer for the person who may see it and each in the audit log."""

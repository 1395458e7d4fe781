"""How the case store came to its present shape, one step per file, run by Alembic."""

VERSION_TABLE = "case_store_version"

"""Where a table lies and how it is written: snapshots as the source sent them, and Delta tables for everything made from them.

A write is one atomic commit; a crash leaves the previous version. A commit names what it was made from (`inputs_key`): asking for a table
that stands already with the same key writes nothing, so a run that died goes on where it stopped and a second run changes nothing.
"""

from tradeflow.lake.place import RELEASE_FOLDER, RUN_FOLDER, SNAPSHOT_FOLDER, Lake, hold_lake, new_folder, serving_url
from tradeflow.lake.snapshot import Part, Snapshot, find_snapshot, list_snapshots, write_snapshot
from tradeflow.lake.table import TableVersion, read_table, table_path, table_version, write_table

__all__ = [
    "RELEASE_FOLDER",
    "RUN_FOLDER",
    "SNAPSHOT_FOLDER",
    "Lake",
    "Part",
    "Snapshot",
    "TableVersion",
    "find_snapshot",
    "hold_lake",
    "list_snapshots",
    "new_folder",
    "read_table",
    "serving_url",
    "table_path",
    "table_version",
    "write_snapshot",
    "write_table",
]

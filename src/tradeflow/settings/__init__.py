"""What we choose to run: one TOML file, checked whole before anything starts.

Every setting has its default here and its meaning beside it; `config/default.toml` names those that a team will want to change first.
"""

from tradeflow.settings.application import OpenId, Publish, Serve
from tradeflow.settings.reading import Settings, config_folder, default_lake, load_settings, named_database, read_only_input
from tradeflow.settings.run import Companies, Declarations, Model, Operation, Reconcile, Signals, Watch
from tradeflow.settings.sources import ComtradeSource, FilesSource, Source

__all__ = [
    "Companies",
    "ComtradeSource",
    "Declarations",
    "FilesSource",
    "Model",
    "OpenId",
    "Operation",
    "Publish",
    "Reconcile",
    "Serve",
    "Settings",
    "Signals",
    "Source",
    "Watch",
    "config_folder",
    "default_lake",
    "load_settings",
    "named_database",
    "read_only_input",
]

"""Stage 3: rows of any source's layout in, `trade_flow` and `coverage`, `customs_declaration` and what it names, or control records out.

Nothing here reads or writes a file: frames and plain arguments in, frames out.
"""

from tradeflow.conform.control_record import CONTROL_RECORDS, conform_control_record, select_known_records
from tradeflow.conform.conversion import convert_editions
from tradeflow.conform.coverage import derive_commodity_coverage, derive_coverage
from tradeflow.conform.declaration import conform_customs_declaration, select_known_declarations
from tradeflow.conform.declared_substance import link_declared_items, name_substances
from tradeflow.conform.edition_weights import fit_edition_weights
from tradeflow.conform.editions import find_code_births, state_in_newest_edition
from tradeflow.conform.layout import conform_trade_flow
from tradeflow.conform.vintage import select_known_rows

__all__ = [
    "CONTROL_RECORDS",
    "conform_control_record",
    "conform_customs_declaration",
    "conform_trade_flow",
    "convert_editions",
    "derive_commodity_coverage",
    "derive_coverage",
    "find_code_births",
    "fit_edition_weights",
    "link_declared_items",
    "name_substances",
    "select_known_declarations",
    "select_known_records",
    "select_known_rows",
    "state_in_newest_edition",
]

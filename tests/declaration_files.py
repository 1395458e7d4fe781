"""Small files of customs declarations as their sources publish them; every name in them is made up."""

import io
import struct
import zipfile
from collections.abc import Sequence
from typing import Any

from tradeflow.contract import load_contract

DIN_ITEM = {
    "NUMENCRIPTADO": "70012345", "TIPO_DOCTO": "101", "ADU": "34", "NUM_UNICO_IMPORTADOR": "4711", "PA_ORIG": "336", "PA_ADQ": "225",
    "VIA_TRAN": "1", "FECACEP": "05032024", "NUMITEM": "1", "DNOMBRE": "ACETONA INDUSTRIAL", "DMARCA": "MARCA ÑANDÚ",
    "CANT-MERC": "1.250,50", "MEDIDA": "6", "ARANC-NAC": "29141100", "CIF-ITEM": "2.501,75", "ADVAL": "6,00",
}  # fmt: skip
DUA_FIELDS = (
    ("CODI_ADUAN", "C", 3), ("ANO_PRESE", "C", 4), ("NUME_CORRE", "C", 6), ("FECH_INGSI", "N", 8), ("LIBR_TRIBU", "C", 11),
    ("DNOMBRE", "C", 40), ("PAIS_ORIGE", "C", 2), ("NUME_SERIE", "N", 4), ("PART_NANDI", "N", 10), ("DESC_COMER", "C", 40),
    ("DESC_MATCO", "C", 20), ("FOB_DOLPOL", "N", 14), ("FLE_DOLAR", "N", 14), ("SEG_DOLAR", "N", 14), ("PESO_NETO", "N", 14),
    ("UNID_FIQTY", "N", 12), ("UNID_FIDES", "C", 3),
)  # fmt: skip
DUA_ITEM = {
    "CODI_ADUAN": "118", "ANO_PRESE": "2024", "NUME_CORRE": "1234", "FECH_INGSI": 20240305, "LIBR_TRIBU": "20999999991",
    "DNOMBRE": "QUÍMICA LUNAR S.A.C.", "PAIS_ORIGE": "CN", "NUME_SERIE": 1, "PART_NANDI": 402210000, "DESC_COMER": "LECHE EN POLVO",
    "DESC_MATCO": "ENTERA", "FOB_DOLPOL": "1000.00", "FLE_DOLAR": "100.00", "SEG_DOLAR": "10.00", "PESO_NETO": "250.500",
    "UNID_FIQTY": "250.500", "UNID_FIDES": "KG",
}  # fmt: skip


def din_text(*items: dict[str, str]) -> bytes:
    """Chile's DIN: no heading, semicolons, latin-1, decimal commas."""
    names = load_contract("source_chile_din").column_names
    return "".join(";".join((DIN_ITEM | item).get(name, "") for name in names) + "\r\n" for item in items).encode("latin-1")


def dbf_table(rows: Sequence[dict[str, Any]], fields: Sequence[tuple[str, str, int]] = DUA_FIELDS, deleted: Sequence[int] = ()) -> bytes:
    """A dBase III table; `deleted` are places of records that are marked so."""
    record_bytes = 1 + sum(length for _, _, length in fields)
    head = struct.pack("<4BIHH20x", 0x03, 124, 3, 5, len(rows), 32 + 32 * len(fields) + 1, record_bytes)
    described = b"".join(
        name.encode().ljust(11, b"\0") + kind.encode() + bytes(4) + bytes([length]) + bytes(15) for name, kind, length in fields
    )
    body = b""
    for place, row in enumerate(rows, start=1):
        cells = [str(row.get(name, "")).encode("latin-1") for name, _, _ in fields]
        padded = [cell.rjust(length) if kind == "N" else cell.ljust(length) for cell, (_, kind, length) in zip(cells, fields, strict=True)]
        body += (b"*" if place in deleted else b" ") + b"".join(padded)
    return head + described + b"\r" + body + b"\x1a"


def zipped(name: str, content: bytes) -> bytes:
    """A zip archive of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()

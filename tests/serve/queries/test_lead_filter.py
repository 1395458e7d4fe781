"""The fields that narrow a list of leads, as they come out of a plain form."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from tests.serve.conftest import Served
from tradeflow.serve.queries.lead_filter import LeadFilter


def test_empty_fields_narrow_nothing(served_on_sqlite: Served) -> None:
    empty = dict.fromkeys(LeadFilter.model_fields, "")
    assert LeadFilter.model_validate(empty) == LeadFilter()
    assert served_on_sqlite.signed_in("viewer").get(f"/signals?{urlencode(empty)}").status_code == 200


@pytest.mark.parametrize(("name", "value"), [("rule", "x" * 201), ("importer", "-1"), ("since", "12"), ("score", "nan"), ("status", "new")])
def test_what_no_lead_can_have_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        LeadFilter.model_validate({name: value})

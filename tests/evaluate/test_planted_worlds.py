from tests.evaluate.test_planted import INDIA, MEXICO, case, lead, signals
from tradeflow.evaluate.planted_worlds import CONSIGNMENT_CODE, Standing, stand_consignment


def test_a_consignment_stands_among_the_leads_of_its_code() -> None:
    planted = case(commodity_code=CONSIGNMENT_CODE, typology="excess_import")
    other = {"importer_code": INDIA, "commodity_code": CONSIGNMENT_CODE}
    told = signals(
        lead(2, lead_id="a"),
        lead(9, lead_id="b", **other),
        lead(9, lead_id="b", **other | {"rule": "mirror_gap"}),
        lead(30, lead_id="c", commodity_code=CONSIGNMENT_CODE),
    )
    assert stand_consignment(7, told, planted) == Standing(7, MEXICO, 2, "excess_import", 2)
    assert stand_consignment(7, told.filter(lead_id="b"), planted) == Standing(7, MEXICO, None, None, 1)

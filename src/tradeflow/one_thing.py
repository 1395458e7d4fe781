"""Rules that tell one thing by the reports of two sides: in a lead's score the stronger of them counts, not both."""

ONE_THING = {"excess_export": "excess_import"}

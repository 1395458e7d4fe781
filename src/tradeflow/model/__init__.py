"""Stage 5: what each flow normally does: `trade_flow` and `mirror_pair` in, `baseline` and `flow_score` out; and how sure a score is."""

from tradeflow.model.baseline import fit_seasonal_baseline
from tradeflow.model.calibration import calibrate
from tradeflow.model.detectable import measure_detectable_excess
from tradeflow.model.export_baseline import find_export_changes, fit_export_baseline, use_export_weights
from tradeflow.model.isolation import score_flows
from tradeflow.model.pipeline_card import describe_pipeline_models
from tradeflow.model.requirement import measure_requirement_use
from tradeflow.model.series_change import find_series_changes
from tradeflow.model.used_weight import use_import_weights
from tradeflow.model.world import fit_world_baseline

__all__ = [
    "calibrate",
    "describe_pipeline_models",
    "find_export_changes",
    "find_series_changes",
    "fit_export_baseline",
    "fit_seasonal_baseline",
    "fit_world_baseline",
    "measure_detectable_excess",
    "measure_requirement_use",
    "score_flows",
    "use_export_weights",
    "use_import_weights",
]

"""What the options of a calibration changed is said with numbers."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.quant.ranges.clipping import ClippingMethod
from birdnet_stm32.quant.verify import Agreement, ModelAgreement
from birdnet_stm32.selection.calibration_options import changes_by_options
from birdnet_stm32.selection.candidates import (
    CalibrationOptions,
    ComputedCandidate,
    RangeWidth,
    WithoutOptions,
)


def agreement(mean: float) -> ModelAgreement:
    measures = Agreement(
        windows=9,
        cosine_mean=mean,
        cosine_p05=mean - 0.1,
        top1_agreement=1.0,
        bias=0.0,
        mae=0.0,
        jaccard_025=1.0,
        jaccard_050=1.0,
    )
    return ModelAgreement(all=measures, confident=None)


CANDIDATE = ComputedCandidate(recipe="ptq", held_out=agreement(0.95), agreement=0.9, bytes=1)


def test_without_options_there_is_nothing_to_say() -> None:
    assert changes_by_options(CANDIDATE) == ""


def test_measures_and_ranges_with_and_without() -> None:
    options = CalibrationOptions(
        left_out={"min_snr_db": 12}, ranges=ClippingMethod.PERCENTILE, percentile=99.9
    )
    spans = {
        "stem": RangeWidth(with_options=2.0, without_options=4.0),
        "pool": RangeWidth(with_options=1.0, without_options=1.001),
    }
    without = WithoutOptions(held_out=agreement(0.9), spans=spans)
    assert changes_by_options(replace(CANDIDATE, options=options, without_options=without)) == (
        "min_snr_db left out 12 windows, ranges by percentile 99.9: mean cosine 0.9500, without 0.9000; "
        "5th percentile 0.8500, without 0.8000; 1 of 2 ranges changed, most of all stem, to 50%"
    )


def test_what_was_not_tried_without_is_said() -> None:
    candidate = replace(CANDIDATE, options=CalibrationOptions(ranges=ClippingMethod.MSE))
    assert changes_by_options(candidate) == "ranges by mse; not tried without these options"

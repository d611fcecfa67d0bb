from __future__ import annotations

import pytest

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.detect_table import DetectTable, SpeciesRuleTable
from birdnet_stm32.detect.rules import EventRule, Judgement, make_rule, make_rules
from birdnet_stm32.errors import InputError

SHAPE = WindowShape(sample_rate_hz=22_050, window_samples=55_125, hop_samples=27_562)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (DetectTable(), "2 of 3 windows within 3.75 s"),
        (DetectTable(within_s=3.75), "2 of 3 windows within 3.75 s"),
        (DetectTable(need=3, within_s=6.25), "3 of 5 windows within 6.25 s"),
        (DetectTable(within_s=1.25), "1 window"),
        (DetectTable(need=1), "1 window"),
        (DetectTable(rule="max"), "1 window"),
        (DetectTable(rule="avg"), "the average of 3 windows within 3.75 s"),
        (DetectTable(rule="lme", within_s=5), "the log-mean-exp of 4 windows within 5 s"),
        (
            DetectTable(species={"owl": SpeciesRuleTable(need=1)}),
            "2 of 3 windows within 3.75 s; 1 species by own rules",
        ),
    ],
)
def test_a_rule_is_said_in_windows_and_seconds(table: DetectTable, sentence: str) -> None:
    assert make_rules(table, ["owl"], [0.5], SHAPE).sentence == sentence


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (DetectTable(need=4), "need = 4 can never be reached: only 3 windows start within 3.75 s"),
        (
            DetectTable(need=2, within_s=2),
            "need = 2 can never be reached: only 1 window starts within 2 s",
        ),
        (DetectTable(within_s=1), "within_s = 1 holds no window, since one starts every 1.25 s"),
        (DetectTable(within_s=100), "within_s = 100 holds 80 windows"),
        (
            DetectTable(species={"owl": SpeciesRuleTable(need=9)}),
            r'species."owl"\]: need = 9 can never be reached',
        ),
        (DetectTable(species={"owk": SpeciesRuleTable(need=1)}), r"no class 'owk'[\s\S]*did you mean owl"),
    ],
)
def test_an_impossible_rule_is_refused_with_its_numbers(table: DetectTable, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_rules(table, ["owl"], [0.5], SHAPE)


def test_the_remedy_works() -> None:
    with pytest.raises(InputError, match="write need = 3, or within_s = 5"):
        make_rule(DetectTable(need=4), SHAPE)
    assert make_rule(DetectTable(need=4, within_s=5), SHAPE).windows == 4
    assert make_rule(DetectTable(need=3), SHAPE).need == 3


def test_a_species_takes_over_what_it_does_not_say() -> None:
    table = DetectTable(
        need=3, within_s=6.25, hold_off_s=2, species={"owl": SpeciesRuleTable(rule="avg", longest_s=10)}
    )
    own = make_rules(table, ["owl"], [0.5], SHAPE).of_class[0]
    assert own == EventRule(
        judgement=Judgement.AVERAGE,
        need=1,
        windows=5,
        join=4,
        longest_samples=220_500,
        hold_off_samples=44_100,
    )


@pytest.mark.parametrize("fields", [{"need": 0}, {"windows": 33}, {"join": 0}, {"hold_off_samples": -1}])
def test_a_rule_refuses_numbers_out_of_range(fields: dict[str, int]) -> None:
    good = {"need": 1, "windows": 1, "join": 1, "longest_samples": 8}
    with pytest.raises(InputError):
        EventRule(judgement=Judgement.CONFIRM, **{**good, **fields})

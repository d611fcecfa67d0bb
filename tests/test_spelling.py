import pytest

from birdnet_stm32.spelling import did_you_mean


@pytest.mark.parametrize(
    ("word", "answer"),
    [("trian", "did you mean train?"), ("quack", ""), ("", ""), ("conver", "did you mean convert?")],
)
def test_the_most_similar_name_is_suggested(word: str, answer: str) -> None:
    assert did_you_mean(word, ["convert", "train", "why"]) == answer

from pathlib import Path

import pytest

from birdnet_stm32.audio.mixing.mixed_sources import LIST, mixed_sources
from birdnet_stm32.errors import InputError


def test_the_recordings_of_all_lists_below_a_folder_are_found(tmp_path: Path) -> None:
    assert mixed_sources(tmp_path) == frozenset()
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / LIST).write_text(
            f'{{"sources": [{{"sha256": "{number}"}}, {{"sha256": "x"}}]}}'
        )
    assert mixed_sources(tmp_path) == {"1", "2", "x"}


@pytest.mark.parametrize("content", ["[]", "{}", '{"sources": [1]}', '{"sources": [{"path": "a"}]}'])
def test_a_list_that_does_not_say_it_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / LIST).write_text(content)
    with pytest.raises(InputError, match="does not say from which recordings"):
        mixed_sources(tmp_path)

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_claims.sagemaker.containers.log_lines import MARK, MOST_CHARACTERS, DamagedMessage, Reader, lines_of
from llm_claims.sagemaker.scrub import scrub

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON, max_size=4), st.integers(1, 1000))
def test_what_was_said_is_read(message: dict[str, object], number: int) -> None:
    reader = Reader()
    heard = [reader.feed(line) for line in lines_of(number, message)]
    assert heard[:-1] == [None] * (len(heard) - 1)
    assert heard[-1] == message


def test_a_long_message_goes_in_parts_between_which_others_may_log() -> None:
    message = {"answer": "x" * (3 * MOST_CHARACTERS)}
    lines = lines_of(7, message)
    assert len(lines) == 4
    assert max(map(len, lines)) < 16_000
    reader = Reader()
    for line in lines[:-1]:
        assert reader.feed(line) is None
        assert reader.feed("NCCL INFO Channel 00/0") is None
    assert reader.feed(f"2026-11-23T00:00:00 {lines[-1]}") == message


def test_parts_may_come_in_another_order() -> None:
    message = {"answer": "".join(map(str, range(9000)))}
    reader = Reader()
    assert [reader.feed(line) for line in reversed(lines_of(1, message))][-1] == message


@pytest.mark.parametrize(
    "spoil", [lambda text: text.replace("0.5", "0.6"), lambda text: text[:-1]], ids=["number", "end"]
)
def test_a_message_that_was_changed_is_refused(spoil) -> None:
    (line,) = lines_of(1, {"loss": 0.5})
    with pytest.raises(DamagedMessage, match="message 1 in the log is not as it was written"):
        Reader().feed(spoil(line))


def test_other_lines_are_no_messages() -> None:
    assert Reader().feed("Epoch 1") is None
    assert Reader().feed(f"{MARK} hello") is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_the_scrubber_leaves_the_numbers_of_an_answer_alone(losses: list[float]) -> None:
    """A loss such as 4.655312345678 has twelve digits in a row, as an account id has."""
    reader = Reader()
    message = {"answer": {"metrics": {"step_losses": [*losses, 4.655312345678, 540123456789]}}}
    heard = [reader.feed(scrub(line)) for line in lines_of(1, message)]
    assert heard[-1] == json.loads(json.dumps(message))

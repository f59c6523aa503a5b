"""The words of a verdict claim what is proven and no more."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from artfp.verdict import (
    BadFile,
    ImageVerdict,
    NotTried,
    Verdict,
    at_most,
    share_or_bound,
    statement_of_doubt,
    statement_of_match,
    statement_of_no_match,
    statement_of_no_power,
    statement_of_trace,
)


def test_a_match_names_the_key_and_both_explanations() -> None:
    words = statement_of_match(512, "pub/cats", "generated", 2.1e-19, 1, 512)
    assert words == (
        "These 512 images carry the key pub/cats: they are marked data or come from a model trained on it. "
        "A key drawn at random would agree this well with probability at most 2.1e-19 (corrected for 1 trial)."
    )


def test_one_image_is_one_image() -> None:
    words = statement_of_match(1, "k", "generated", 1e-12, 7, 1)
    assert words.startswith("This image carries the key k: it is marked data or comes from a model trained on it.")
    assert "corrected for 7 trials" in words
    assert "As a set" not in words


def test_a_set_of_which_not_every_image_matches_is_claimed_as_a_set() -> None:
    words = statement_of_match(1000, "k", "generated", 1e-12, 1, 990)
    assert words.startswith("As a set, these 1,000 images carry the key k: at least some of them are marked data or")
    assert "990 of 1,000 images match on their own (p <= 0.001)." in words


def test_imported_keys_carry_the_condition_under_which_the_probability_holds() -> None:
    bits = statement_of_match(9, "k", "imported-bits", 1e-12, 1, 9)
    secret = statement_of_match(9, "k", "imported-secret", 1e-12, 1, 9)
    assert "bits of this key were chosen by their owner: the probability holds if" in bits
    assert "secret of this key was made elsewhere: the probability holds if" in secret


def test_no_match_is_not_absence() -> None:
    assert statement_of_no_match(10, 3) == (
        "No evidence of any of the 3 keys tried in these 10 images; this does not prove absence."
    )
    assert statement_of_no_match(1, 1) == "No evidence of the key tried in this image; this does not prove absence."


def test_doubt_gives_its_reason_and_what_may_end_it() -> None:
    words = statement_of_doubt(4, "k", "the corrected p lies between 1e-06 and 0.001")
    assert words.startswith("Inconclusive: the corrected p lies between 1e-06 and 0.001.")
    assert "New images" in words  # the same ones again, with fewer trials, would be a choice made after the fact


@given(st.floats(min_value=1e-290, max_value=1.0))
def test_a_bound_is_never_rounded_below_the_number(p: float) -> None:
    shown = float(at_most(p))
    assert shown >= p * (1 - 1e-7)
    assert shown <= p * 1.1 + 1e-300


def test_bounds_are_short() -> None:
    assert [at_most(p) for p in (1.0, 0.31, 0.0312, 1e-6, 2.11e-19, 9.99e-4, 0.0)] == [
        "1",
        "0.31",
        "0.032",
        "1.0e-06",
        "2.2e-19",
        "0.001",
        "1e-300",
    ]


def test_a_share_of_none_is_a_bound() -> None:
    assert share_or_bound(0.25, 8) == "25.0 %"
    assert share_or_bound(0.0, 2048) == "none of 2,048, so at most 0.0015"
    assert share_or_bound(0.0, 2) == "none of 2, so at most 1"
    assert share_or_bound(1 / 2048, 2048) == "1 of 2,048"
    assert share_or_bound(0.0, 0) == "—"


def test_a_trace_says_whose_key_and_not_who_passed_images_on() -> None:
    one = statement_of_trace(1, ["acme"], ["generated"], 1000, 1e-6)
    made = "made by a copy that was issued with such a key, or put together of issued copies, or marked with it. Who"
    assert one.startswith(f"This image carries the key of acme: {made}")
    assert "Who passed it on, this does not say." in one
    assert "whose key has nothing to do with it is at most 1e-06 (corrected for 1,000 trials)." in one
    two = statement_of_trace(5, ["acme", "bits"], ["imported-secret", "imported-secret"], 2, 1e-3)
    assert two.startswith(f"These 5 images carry keys of acme and bits: {made}")
    assert two.count("was made elsewhere") == 1
    many = statement_of_trace(5, list("abcdefgh"), ["generated"] * 8, 8, 1e-3)
    assert "keys of a, b, c, d, e and 3 more: made" in many
    assert "probability 0.002 (corrected for 9 trials), and an error of at most 1e-06" in statement_of_no_power(
        9, 0.002, 1e-6
    )


def test_a_verdict_comes_back_from_its_json_equal() -> None:
    verdict = Verdict(
        outcome="match",
        statement="words",
        key="k",
        key_id="0123",
        key_origin="generated",
        key_origin_words="drawn",
        codec="dct",
        codec_sha256="ab",
        n_bits=64,
        n_images=2,
        p_mean=None,
        p_single=0.5,
        q=0.5,
        log10_q=math.log10(0.5),
        trials=1,
        floor=1e-19,
        runner_up_key=None,
        runner_up_q=None,
        margin=None,
        matching_bits=40,
        bit_accuracy=0.6,
        share=0.5,
        share_low=0.1,
        share_high=0.9,
        calibration_share=0.0,
        calibration_images=256,
        bad_files=(BadFile("x.png", "x.png: no image"),),
        not_tried=(NotTried("cd", 3),),
        images=(ImageVerdict("a.png", "k", 40, 64, 0.5, 0.5),),
    )
    assert Verdict.from_dict(verdict.to_dict()) == verdict

"""Shares of a confusion matrix, against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from artfp.statistics.classification import accuracy, balanced_accuracy, confusion, macro_f1

TRUTH = np.array([0, 0, 0, 0, 1, 1, 2, 2])
ANSWERS = np.array([0, 0, 0, 1, 1, 0, 2, 2])


def test_the_matrix_counts_truth_in_rows_and_answers_in_columns() -> None:
    assert confusion(TRUTH, ANSWERS, 4).tolist() == [[3, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]]


def test_closed_forms() -> None:
    counts = confusion(TRUTH, ANSWERS, 3)
    assert accuracy(counts) == 6 / 8
    assert balanced_accuracy(counts) == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert macro_f1(counts) == pytest.approx((2 * 3 / (4 + 4) + 2 * 1 / (2 + 2) + 1) / 3)


def test_a_class_that_does_not_occur_changes_nothing_but_one_that_is_named_in_error_does() -> None:
    counts = confusion(TRUTH, ANSWERS, 4)
    assert balanced_accuracy(counts) == balanced_accuracy(counts[:3, :3])
    assert macro_f1(counts) == macro_f1(counts[:3, :3])
    wrong = confusion(TRUTH, np.where(np.arange(8) == 7, 3, ANSWERS), 4)
    f1 = [2 * 3 / 8, 2 * 1 / 4, 2 * 1 / 3, 0]  # as scikit-learn's macro mean
    assert macro_f1(wrong) == pytest.approx(np.mean(f1))
    assert balanced_accuracy(wrong) == pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)


def test_one_answer_for_all_is_chance_however_many_there_are_of_each() -> None:
    truth = np.repeat([0, 1, 2], [90, 9, 1])
    counts = confusion(truth, np.zeros(100, np.int64), 3)
    assert accuracy(counts) == 0.9
    assert balanced_accuracy(counts) == pytest.approx(1 / 3)

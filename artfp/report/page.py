"""One run folder in, one self-contained HTML page out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from artfp.report import figures
from artfp.report.pictures import AMPLIFICATION, Picture, Triptych, picture, triptych
from artfp.report.run_folder import ReadBack, RunFolder, read_run
from artfp.report.tables import (
    Row,
    count,
    label_of,
    outcome_word,
    percent,
    probability,
    scientific,
    settings_rows,
    transfer_rows,
    verdict_rows,
)
from artfp.report.templates import SMALL_IMAGE, put_page, rendered, stamp_symbol
from artfp.verdict import Verdict

MOST_STRIPS = 8
LARGEST_CELL = 256  # CSS pixels of a picture in a strip
LEFT_OUT = ("target", "already_done")  # of embedding: where it lay on somebody's disk

CONTROL_WORDS = {
    "no match": (
        "holds",
        "The control holds: the clean twin, the same generator trained with the same seed on the unmarked images, "
        "shows no match.",
    ),
    "inconclusive": (
        "fails",
        "The control is inconclusive: the clean twin, trained on the unmarked images, agrees with a key more than most "
        "would. Judge more of its images before relying on this report.",
    ),
    "match": (
        "fails",
        "The control fails: the clean twin, trained on the unmarked images, matches as well. Do not rely on this "
        "report until that is explained.",
    ),
}
SAMPLE_WORDS = {
    "model": "Made by the generator that was trained on marked images.",
    "twin": "Made by the same generator, with the same seed, trained on the unmarked images.",
}


@dataclass(frozen=True)
class Headline:
    """The verdict that opens the page."""

    verdict: Verdict
    label: str
    word: str
    claim: Markup
    rest: Markup
    numbers: tuple[Row, ...]


def write_report(run: Path) -> Path:
    """Render the page of a run folder and put it there, whole or not at all."""
    return put_page(run, render(read_run(run)))


def render(run: RunFolder) -> str:
    """The page as text; the same folder always gives the same page."""
    return rendered(
        "page.html.j2",
        **_frame(run),
        **_verdict_parts(run),
        **_image_parts(run),
        **_transfer_parts(run),
        **_closing_parts(run),
    )


def _frame(run: RunFolder) -> dict[str, Any]:
    name = str(run.run.get("name") or run.path.resolve().name)
    version = str(run.run.get("artfp_version", ""))
    return {"title": f"{name}: evidence report", "name": name, "version": version}


def _verdict_parts(run: RunFolder) -> dict[str, Any]:
    headline = _headline(run.verdicts)
    return {
        "headline": headline,
        "symbol": stamp_symbol(headline.verdict.outcome) if headline else "",
        "control": _control(run.verdicts),
        "verdicts": run.verdicts,
        "agreement": figures.agreement_chart(run.verdicts) if run.verdicts else None,
        "columns": [{"label": label_of(name), "style": name} for name in run.verdicts],
        "verdict_rows": verdict_rows(list(run.verdicts.values())),
        "identity": _identity(headline.verdict, run.hashes) if headline else (),
    }


def _headline(verdicts: Mapping[str, Verdict]) -> Headline | None:
    name = next((name for name in ("model", "data", *verdicts) if name in verdicts), None)
    if name is None:
        return None
    verdict = verdicts[name]
    claim, _, rest = verdict.statement.partition(". ")
    claim = claim if claim.endswith(".") else f"{claim}."
    return Headline(
        verdict,
        label_of(name),
        outcome_word(verdict.outcome),
        scientific(claim),
        scientific(rest),
        _headline_numbers(verdict),
    )


def _headline_numbers(verdict: Verdict) -> tuple[Row, ...]:
    return (
        Row("probability that a random key agrees so well, at most", (probability(verdict.q), "")),
        Row("bits of the key, read from the set", (str(verdict.matching_bits), f"of {verdict.n_bits}")),
        Row("bits right in single images", (percent(verdict.bit_accuracy), "")),
        Row(f"of {count(verdict.n_images)} images match on their own", (percent(verdict.share), "")),
    )


def _control(verdicts: Mapping[str, Verdict]) -> dict[str, str] | None:
    """What the clean twin says of the method; where neither matches there is nothing to control."""
    if "model" not in verdicts or "twin" not in verdicts:
        return None
    model, twin = verdicts["model"].outcome, verdicts["twin"].outcome
    if model != "match" and twin == "no match":
        return None
    style, words = CONTROL_WORDS[twin]
    return {"style": style, "words": words}


def _identity(verdict: Verdict, hashes: Mapping[str, str]) -> tuple[Row, ...]:
    code = Markup('<span class="hash">{}</span>')
    return (
        Row("Key", (Markup("{}, {}").format(verdict.key, verdict.key_origin_words),)),
        Row("Key id", (code.format(verdict.key_id),)),
        Row("Codec", (Markup("{}, {} bits").format(verdict.codec, verdict.n_bits),)),
        Row("Codec SHA-256", (code.format(verdict.codec_sha256),)),
        *(Row(f"{what} SHA-256", (code.format(sha256),)) for what, sha256 in hashes.items()),
    )


def _image_parts(run: RunFolder) -> dict[str, Any]:
    triptychs = [triptych(strip) for strip in run.strips[:MOST_STRIPS]]
    return {
        "triptychs": triptychs,
        "embedding": _embedding(run.read_back),
        "amplification": AMPLIFICATION,
        "cell": _cell(triptychs),
        "pixels": bool(triptychs) and triptychs[0].original.width <= SMALL_IMAGE,
    }


def _cell(triptychs: list[Triptych]) -> int:
    """The width of a strip: small images magnified three or four times, in whole pixels."""
    side = triptychs[0].original.width if triptychs else SMALL_IMAGE
    return min(LARGEST_CELL, side * (4 if side <= 48 else 3 if side <= 64 else 2 if side <= SMALL_IMAGE else 1))


def _embedding(check: ReadBack) -> tuple[Row, ...]:
    rows = []
    if check.psnr is not None:
        rows.append(Row("PSNR, marked against original", (f"{check.psnr:.1f}", "dB")))
    if check.ssim is not None:
        rows.append(Row("SSIM, marked against original, in the middle", (f"{check.ssim:.4f}", "")))
    if check.bit_accuracy is not None:
        rows.append(Row("bits read right in marked images", (percent(check.bit_accuracy), "")))
    return tuple(rows)


def _transfer_parts(run: RunFolder) -> dict[str, Any]:
    charts = [figures.accuracy_chart(run.transfer), figures.p_chart(run.transfer)] if run.transfer else []
    return {
        "transfer_charts": charts,
        "transfer_columns": [
            "Images shown",
            *(cell for name in run.transfer for cell in (f"{label_of(name)}: bits", "p")),
        ],
        "transfer_rows": transfer_rows(run.transfer),
    }


def _closing_parts(run: RunFolder) -> dict[str, Any]:
    embed = {name: value for name, value in run.embed.items() if name not in LEFT_OUT}
    groups = [("Run", _plain(run.run)), *_tables(run.run), ("Embedding", embed)]
    return {
        "samples": [_sample(name, picture(path)) for name, path in run.samples.items()],
        "settings": [{"label": label, "rows": settings_rows(values)} for label, values in groups if values],
    }


def _sample(name: str, grid: Picture) -> dict[str, Any]:
    return {"label": label_of(name), "words": SAMPLE_WORDS[name], "picture": grid}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not isinstance(value, Mapping)}


def _tables(values: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name.capitalize(), value) for name, value in values.items() if isinstance(value, Mapping)]

"""Charts of a comparison: each passive system beside artfp, over the examinations of one table.

Examinations stand by their numbers, which the table's headings have too: their names have no room on an axis.
"""

from __future__ import annotations

from collections.abc import Iterator

from artfp.contest.settings import ARTFP
from artfp.report.contest_folder import ContestFolder
from artfp.report.contest_scores import Panel, Result, is_plain, result
from artfp.report.contest_tables import COMBINED, figure
from artfp.report.figures import LEFT, LETTER, RIGHT, Chart, Line, Mark, Scale, Series, Tick, named_lines, share_axis

MARGIN = 12
STYLES = ("model", "twin", "data")  # of artfp, of a passive system, and of the same one immunised


def panel_charts(folder: ContestFolder, panel: Panel) -> Iterator[Chart]:
    """One for each passive system that has a row; none where a single examination would be a single point."""
    if len(panel.columns) > 1:
        for system in panel.systems:
            if system != ARTFP and is_plain(system) and list(_results(folder, panel, system)):
                yield _chart(folder, panel, system)


def _chart(folder: ContestFolder, panel: Panel, system: str) -> Chart:
    x = _across(panel)
    told = {ARTFP: ARTFP, system: system, f"{system}+{COMBINED}": "immunised"}
    found = {name: list(_results(folder, panel, name)) for name in told}
    shares = [each.score.value for of in found.values() for _, each in of]
    y, y_ticks = share_axis(min(*shares, *(column.chance for column in panel.columns)))
    series = [
        Series(style, told[name], tuple(Mark(x(place), y(each.score.value), _words(each)) for place, each in of))
        for style, (name, of) in zip(STYLES, found.items(), strict=True)
        if of
    ]
    return Chart(
        name=f"{panel.name}-{system}",
        title=f"{ARTFP} and {system}",
        description=_described(panel, found),
        x_label="course" if len(panel.courses) > 1 else "examination, by its number in the table",
        x_ticks=tuple(Tick(x(place), column.tick) for place, column in enumerate(panel.columns, start=1)),
        y_ticks=y_ticks,
        lines=(_chance(panel, x, y), *named_lines(series)),
    )


def _across(panel: Panel) -> Scale:
    """Where the examinations stand, with room for the outer labels."""
    margin = max(MARGIN, *(LETTER * len(column.tick) / 2 for column in panel.columns))
    return Scale(1, len(panel.columns), LEFT + margin, RIGHT - margin)


def _results(folder: ContestFolder, panel: Panel, system: str) -> Iterator[tuple[int, Result]]:
    """A system's, with the numbers of their columns."""
    for place, column in enumerate(panel.columns, start=1):
        if (found := result(folder, column, system)) is not None:
            yield place, found


def _words(found: Result) -> str:
    return f"{found.system}, {found.column.heading}: {figure(found)}"


def _described(panel: Panel, found: dict[str, list[tuple[int, Result]]]) -> str:
    """The numbers in words."""
    told = "; ".join(
        f"{name}: {', '.join(f'{each.column.heading} {figure(each)}' for _, each in of)}"
        for name, of in found.items()
        if of
    )
    return f"Balanced accuracy in the examinations of {panel.title}, and AUROC where some images are unknown. {told}."


def _chance(panel: Panel, x: Scale, y: Scale) -> Line:
    """What guessing reaches in each, with its name over its right end."""
    points = [(x(place), y(column.chance)) for place, column in enumerate(panel.columns, start=1)]
    path = "M" + " L".join(f"{right} {up}" for right, up in points)
    return Line("reference", path, (), Mark(RIGHT, points[-1][1] - 5, "chance"), anchor="end")

"""Named bundles of arguments: time, folds, learners, ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autopipe.errors import OptionError
from autopipe.suggestion import did_you_mean


@dataclass(frozen=True)
class Preset:
    """What fills the arguments that are left at their defaults.

    Parameters
    ----------
    name : by which it is chosen
    purpose : what it is good for, in a few words
    time_budget : where neither a time nor a number of trials is given
    folds : times the number of folds that rows and budget would give
    include : learners by name or family; None for all
    exclude : what does not prepare tables for them, by name or family
    ensemble : "auto" for as many members as help, "none" for the best pipeline alone

    Examples
    --------
    >>> print(PRESETS["fast"])
    fast: a small model soon
      time_budget  1m, unless max_trials is given
      cv           0.5 x the usual number of folds
      include      linear, lightgbm, xgboost
      exclude      nothing
      ensemble     none
    """

    name: str
    purpose: str
    time_budget: str = "10m"
    folds: float = 1.0
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()
    ensemble: str = "auto"

    def __str__(self) -> str:
        lines = {
            "time_budget": f"{self.time_budget}, unless max_trials is given",
            "cv": f"{self.folds:g} x the usual number of folds",
            "include": ", ".join(self.include or ["all learners"]),
            "exclude": ", ".join(self.exclude or ["nothing"]),
            "ensemble": self.ensemble,
        }
        return "\n".join(
            [
                f"{self.name}: {self.purpose}",
                *(f"  {name:<11}  {value}" for name, value in lines.items()),
            ]
        )


_ALL = (
    Preset("balanced", "a strong model in minutes"),
    Preset(
        "fast",
        "a small model soon",
        time_budget="1m",
        folds=0.5,
        include=("linear", "lightgbm", "xgboost"),  # what fits and predicts within seconds
        ensemble="none",
    ),
    # More folds train on more rows each, and smooth the average of the fold models.
    Preset("best", "the strongest model, in an hour", time_budget="1h", folds=1.25),
    Preset(
        "interpretable",
        "a straight line in the table's own columns, averaged over the folds",
        time_budget="1m",
        include=("linear",),
        exclude=("features", "projection", "stacking", "power_scaling", "quantile_scaling"),
        ensemble="none",
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}


def preset_named(name: object) -> Preset:
    """The preset of this name.

    Raises
    ------
    OptionError
        If there is none; the message names the nearest.
    """
    if isinstance(name, str) and name in PRESETS:
        return PRESETS[name]
    raise OptionError(
        f"preset={name!r}: there is no such preset.{did_you_mean(name, PRESETS)} "
        f"Known: {', '.join(PRESETS)}."
    )

"""How often the interval of the score holds the score of rows that were held out.

    AUTOPIPE_DATA=folder python tests/benchmarks/honest_score.py --budget 10

Three rows in ten, of up to 12,000 of a data set, are held out; that takes six minutes. What a
score promises too much is told in standard errors of its difference from that of the held-out
rows.
"""

from __future__ import annotations

import pandas as pd
from held_out import held_out, parser

SETS = (
    "california_housing,ames_housing,concrete,wine_quality,cardekho,auto_mpg,bike_sharing,"
    "diamonds,taxi_tips,employee_salaries,adult,credit_g,phoneme,blood_transfusion,telco_churn,"
    "titanic,mammography,sick,online_shoppers,hr_job_change,car,vehicle,satimage,cmc,eucalyptus,"
    "page_blocks,leaf_flavia,students_dropout,connect_4,midwest_survey"
)
_WIDTH = 2 * 1.645  # of a 90 % interval in standard errors


def main() -> None:
    lines = []
    for one in held_out(parser(__doc__.splitlines()[0], SETS).parse_args()):
        score = one.model.score_
        new = one.model.leaderboard(one.X, one.y)[f"{score.name}_new"].iloc[0]
        low, high = score.interval(rows=len(one.y))
        error = (high - low) / _WIDTH
        sign = one.model._model.facts["score_sign"]
        lines.append(
            {
                "name": one.name, "metric": score.name, "score": float(score),
                "corrected": score.corrected, "new": new, "low": low, "high": high,
                "is_inside": low <= new <= high,
                "optimism": sign * (score - new) / error,
                "corrected_optimism": sign * (score.corrected - new) / error,
                "seconds": one.seconds, "finish": one.model.ledger_["finish"],
            }
        )  # fmt: skip
        print(lines[-1], flush=True)
    table = pd.DataFrame(lines)
    print(table.round(4).to_string(index=False))
    means = table[["is_inside", "optimism", "corrected_optimism"]].mean()
    print(means.round(3).to_string())
    print(f"{table['is_inside'].sum()} of {len(table)} intervals held the new score")


if __name__ == "__main__":
    main()

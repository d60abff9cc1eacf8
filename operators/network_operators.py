"""The networks of the catalogue, their hyperparameters and what they cost."""

from __future__ import annotations

from collections.abc import Mapping

from autopipe.operators.cost import Cost, Shape, number
from autopipe.operators.declaration import Coded, Operator, Predictions
from autopipe.operators.recipes import BATCH, PROGRAMS, batch_of, epochs_of
from autopipe.space import Choice, Float, Int, Value

_MOST_ROWS, _MOST_COLUMNS = 200_000, 2_000  # beyond, nothing useful is learned in an hour
_SOURCE = "Holzmüller et al., Better by Default: Strong Pre-Tuned MLPs, NeurIPS 2024"


def _cost(params: Mapping[str, Value], shape: Shape) -> Cost:
    width, layers = number(params, "width"), number(params, "layers")
    members = number(params, "members") if "members" in params else 1.0
    numeric = shape.columns - len(shape.levels)
    inputs = shape.columns + numeric * number(params, "embedding_size")
    products = members * (inputs * width + (layers - 1.0) * width**2)
    waves = numeric * number(params, "waves")
    epochs = epochs_of(round(number(params, "epochs")), shape.rows)
    row = 6e-11 * products + 6e-9 * members * layers * width + 1e-8 * waves
    step = 3e-4  # of what does not grow with the rows
    steps = 1.0 + shape.rows / batch_of(members, shape.rows)
    seconds = 0.6 * epochs * (row * shape.rows + step * steps)
    cells = shape.all_cells + members * BATCH * layers * width
    return Cost(seconds, megabytes=4e-5 * cells + 2e-5 * products)


OPERATORS = (
    Operator(
        name="mlp",
        family="mlp",
        build="autopipe.operators.networks:NeuralNetwork",
        takes=(Coded,),
        gives=Predictions,
        # RealMLP's tuned defaults at half the embedding, and TabArena's ranges for it.
        space={
            "layers": Int(1, 4, default=3),
            "width": Choice((64, 128, 256, 512), default=128),
            "activation": Choice(("auto", "selu", "mish", "relu")),
            "embedding": Choice(("periodic", "piecewise", "none")),
            "waves": Int(4, 64, default=16, log=True),
            "embedding_size": Int(2, 8, default=3),
            "sigma": Float(0.01, 10.0, default=0.1, log=True),
            "dropout": Float(0.0, 0.5, default=0.15),
            "learning_rate": Float(0.01, 0.2, default=0.04, log=True),
            "weight_decay": Float(1e-3, 0.1, default=0.02, log=True),
            "epochs": Int(32, 512, default=256, log=True),
        },
        source=_SOURCE,
        most_rows=_MOST_ROWS,
        most_columns=_MOST_COLUMNS,
        device_rows=0,
        most_threads=PROGRAMS,
        cost=_cost,
        requires="torch",
        extra="neural",
    ),
    Operator(
        name="tabm",
        family="tabm",
        build="autopipe.operators.networks:NeuralNetwork",
        takes=(Coded,),
        gives=Predictions,
        space={
            "layers": Int(1, 4, default=2),
            "width": Choice((64, 128, 256, 512), default=128),
            "activation": Choice(("relu", "auto", "selu", "mish")),
            "embedding": Choice(("piecewise", "periodic", "none")),
            "waves": Int(4, 64, default=32, log=True),
            "embedding_size": Int(2, 16, default=8, log=True),
            "members": Choice((4, 8, 16, 32), default=8),
            "dropout": Float(0.0, 0.5, default=0.1),
            "learning_rate": Float(0.005, 0.2, default=0.06, log=True),
            "weight_decay": Float(1e-4, 0.1, default=1e-3, log=True),
            "epochs": Int(16, 256, default=64, log=True),
        },
        source="Gorishniy et al., TabM: Advancing Tabular Deep Learning, ICLR 2025",
        most_rows=_MOST_ROWS,
        most_columns=_MOST_COLUMNS,
        device_rows=0,
        most_threads=PROGRAMS,
        cost=_cost,
        requires="torch",
        extra="neural",
    ),
)

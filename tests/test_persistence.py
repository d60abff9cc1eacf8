"""Saved models: those of former versions load, and others than we wrote are refused."""

import io
import json
import os
import warnings
import zipfile

import numpy as np
import pytest
from awkward import SOLD, X
from exported import model_of
from saved import FOLDER, MODELS

from autopipe import archive, load, persistence
from autopipe.archive import write_archive
from autopipe.errors import StoreError
from autopipe.persistence import FORMAT, write_model


@pytest.fixture(scope="module")
def model():
    """A small model of two pipelines."""
    _, (_, _, linear) = MODELS["classifier"]
    return model_of(X, SOLD, [linear, linear.removeprefix("temperature(")[:-1]])


@pytest.fixture
def path(model, tmp_path):
    """Where this model was saved."""
    path = tmp_path / "model.autopipe"
    write_model(model, path)
    return path


def contents(path):
    """The parts of a saved model by name, the head as JSON."""
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    return json.loads(parts.pop("model.json")), parts


def rewrite(path, head, parts):
    """Write parts and head as they are, whatever the digests say."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model.json", json.dumps(head))
        for name, content in parts.items():
            file.writestr(name, content)


def honestly(path, head, parts):
    """Write parts and head with the digests that they have."""
    del head["digests"]
    with path.open("wb") as file:
        writers = {
            name: lambda part, content=content: part.write(content)
            for name, content in parts.items()
        }
        write_archive(file, head, writers)


@pytest.mark.parametrize("saved", sorted(FOLDER.glob("*.autopipe")), ids=lambda path: path.stem)
def test_models_of_former_versions_predict_what_they_did(saved):
    model = load(saved)
    told = json.loads(saved.with_suffix(".json").read_text())
    np.testing.assert_allclose(model._outputs(X), told, atol=1e-6)
    assert model.predict(X).shape == (len(X),)


def test_every_format_since_the_first_that_is_read_is_kept():
    kept = {int(path.stem.rpartition("-")[2]) for path in FOLDER.glob("*.autopipe")}
    assert kept == set(range(min(persistence._MIGRATIONS), FORMAT + 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": FORMAT + 1}, f"format {FORMAT + 1} of a newer autopipe"),
        ({"format": 1}, "damaged"),
        ({"format": None}, "damaged"),
        ({"members": [["../../x", 1.0]]}, "damaged"),
        ({"members": [[77, 1.0]]}, "damaged"),
        ({"inputs": {"0": [0]}}, "damaged"),
        ({"coding": {"named": True, "columns": [{}]}}, "damaged"),
        ({"digests": {}}, "damaged"),
    ],
)
def test_a_head_that_we_did_not_write_is_told(path, change, message):
    head, parts = contents(path)
    rewrite(path, {**head, **change}, parts)
    with pytest.raises(StoreError, match=message):
        load(path)


def test_a_head_that_was_changed_is_told(path):
    changed = json.dumps(contents(path)[0] | {"prior": [0.0, 1.0]})
    with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the name is there twice now, and the last one counts
        file.writestr("model.json", changed)
    with pytest.raises(StoreError, match=r"model\.json was changed after it was written"):
        load(path)


def test_a_part_that_was_changed_is_told(path):
    head, parts = contents(path)
    parts["members/000000.npz"] = parts["members/000001.npz"]
    rewrite(path, head, parts)
    with pytest.raises(StoreError, match=r"000000\.npz was changed after it was written"):
        load(path)


def test_an_operator_that_nobody_knows_is_told(path):
    head, parts = contents(path)
    with np.load(io.BytesIO(parts["members/000000.npz"])) as stored:
        arrays = {name: stored[name] for name in stored.files}
    inner = json.loads(arrays["json"].tobytes())
    inner["tree"] = inner["tree"].replace("logistic(", "os_system(")
    arrays["json"] = np.frombuffer(json.dumps(inner).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    parts["members/000000.npz"] = buffer.getvalue()
    honestly(path, head, parts)
    with pytest.raises(StoreError, match="os_system"):
        load(path)


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


def test_a_pickle_within_is_never_opened(path, tmp_path):
    head, parts = contents(path)
    buffer = io.BytesIO()
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(buffer, json=trap)
    parts["members/000000.npz"] = buffer.getvalue()
    honestly(path, head, parts)
    with pytest.raises(StoreError):
        load(path)
    assert not (tmp_path / "sprung").exists()


def test_names_that_lead_elsewhere_write_nothing(path, tmp_path):
    head, parts = contents(path)
    rewrite(path, head, {**parts, "../outside": b"x", "/outside": b"x"})
    before = sorted(tmp_path.rglob("*")), sorted(tmp_path.parent.iterdir())
    load(path)
    assert (sorted(tmp_path.rglob("*")), sorted(tmp_path.parent.iterdir())) == before


def test_a_file_that_unpacks_to_more_than_the_memory_is_refused(path, monkeypatch):
    monkeypatch.setattr(archive, "free_megabytes", lambda: 0.001)
    with pytest.raises(StoreError, match="unpacked, and 0 MB are free"):
        load(path)


def test_arrays_that_unpack_to_more_than_the_memory_are_refused(path, monkeypatch):
    head, parts = contents(path)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, json=np.zeros(20_000_000, np.uint8))
    parts["members/000000.npz"] = buffer.getvalue()
    honestly(path, head, parts)
    monkeypatch.setattr(archive, "free_megabytes", lambda: 10.0)
    with pytest.raises(StoreError, match="20 MB unpacked"):
        load(path)


def test_a_model_that_reads_back_otherwise_is_not_kept(model, tmp_path, monkeypatch):
    read = persistence._model_of

    def other(archive, own):
        copy = read(archive, own)
        return type(copy)(**{**vars(copy), "predictor": type(copy.predictor)((), np.ones(2))})

    path = tmp_path / "model.autopipe"
    path.write_text("the former one")
    monkeypatch.setattr(persistence, "_model_of", other)
    with pytest.raises(StoreError, match="read back, it predicts other values"):
        write_model(model, path)
    assert path.read_text() == "the former one"
    assert [each.name for each in tmp_path.iterdir()] == ["model.autopipe"]

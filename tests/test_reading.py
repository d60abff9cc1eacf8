import csv
import gzip

import pandas as pd
import pytest

from autopipe.errors import InputError
from autopipe.intake import reading
from autopipe.intake.reading import read_table

ROWS = [["größe", "ort"], ["1.5", "a, b"], ["2.5", "ö"]]


@pytest.fixture
def written(tmp_path):
    def write(content: bytes, name: str = "table.csv"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found_out(written, encoding, separator):
    text = "\r\n".join(separator.join(f'"{cell}"' for cell in row) for row in ROWS)
    frame = read_table(written(text.encode(encoding)))
    assert frame.columns.tolist() == ROWS[0]
    assert frame["größe"].tolist() == [1.5, 2.5]
    assert frame["ort"].tolist() == ["a, b", "ö"]


def test_windows_quotes_are_read(written):
    frame = read_table(written("a,b\n1,“x” €\n".encode("cp1252")))
    assert frame["b"].tolist() == ["“x” €"]


def test_a_decimal_comma_is_no_separator(written):
    frame = read_table(written(b"a;b;c\n" + b"1,5;2,5;3,5\n" * 200))
    assert frame.columns.tolist() == ["a", "b", "c"]


def test_lines_may_end_within_quotes(written):
    frame = read_table(written(b'a,b\n"x\ny",1\n"z",2\n' * 1))
    assert frame["a"].tolist() == ["x\ny", "z"]


def test_decimal_commas_are_no_separators_without_a_header_either(written):
    frame = read_table(written(b"1,5;2,5;3,5\n" * 200))
    assert frame.columns.tolist() == ["0", "1", "2"]
    assert frame.iloc[0].tolist() == ["1,5", "2,5", "3,5"]
    assert len(frame) == 200


@pytest.mark.parametrize("text", ["a,b\nx,caf\xe9", "a,b\n\xe9,1\n"])
def test_an_accent_of_latin_1_is_read_wherever_it_stands(written, text):
    frame = read_table(written(text.encode("latin-1")))
    assert "\xe9" in "".join(map(str, frame.iloc[0]))


def test_lines_and_cells_may_be_of_any_length(written):
    limit = csv.field_size_limit()
    width = limit // 2
    wide = ",".join(f"c{place}" for place in range(width)) + "\n" + ",".join("7" * width)
    assert read_table(written(wide.encode())).shape == (1, width)
    long = read_table(written(b"text,y\n" + b"x" * (limit + 1) + b",\nz,1\n"))
    assert long["text"].str.len().tolist() == [limit + 1, 1]
    assert csv.field_size_limit() == limit


def test_a_blank_first_line_and_a_gap_in_the_last_column_do_no_harm(written):
    frame = read_table(written(b"\na,b,c\n1,2,\n3,4,5\n"))
    assert frame["a"].tolist() == [1, 3] and frame["c"].isna().tolist() == [True, False]


def test_a_packed_file_is_unpacked(written):
    path = written(gzip.compress(b"a,b\n1,2\n"), "table.csv.gz")
    assert read_table(str(path)).to_dict("list") == {"a": [1], "b": [2]}


def test_a_packed_file_has_its_limit(written, monkeypatch):
    monkeypatch.setattr(reading, "_MAX_BYTES", 1000)
    with pytest.raises(InputError, match="unpacked"):
        read_table(written(gzip.compress(b"a,b\n" + b"1,2\n" * 1000), "table.csv.gz"))


def test_parquet_is_read(tmp_path):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    frame.to_parquet(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.parquet"), frame)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"5.1,3.5,setosa\n4.9,3.0,setosa\n", ["0", "1", "2"]),
        (b"1,2\n3,4\n5,7\n", ["1", "2"]),
        (b"0,1,2\n3.5,4,1\n", ["0", "1", "2"]),
        (b"country,2019,2020\nx,1,2\n", ["country", "2019", "2020"]),
        (b"name,city\na,b\n", ["name", "city"]),
        (b"a,b\n", ["a", "b"]),
    ],
)
def test_names_are_told_from_data(written, content, names):
    assert read_table(written(content)).columns.tolist() == names


def test_names_that_are_known_are_a_header_and_texts_stay_as_they_are_written(written):
    known = {"400": False, "410": False, "code": True}
    frame = read_table(written(b"400,410,420,code\n1.5,2.5,3.5,007\n"), known)
    assert frame.to_dict("list") == {"400": [1.5], "410": [2.5], "420": [3.5], "code": ["007"]}
    frame = read_table(written(b"400,410\n1,2\n"), {"410": False})
    assert frame.to_dict("list") == {"400": [1], "410": [2]}
    bare = read_table(written(b"1,007\n0,012\n"), {"0": False, "1": True})
    assert bare.to_dict("list") == {"0": [1, 0], "1": ["007", "012"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"a,b\n1,2\n1,2,3\n", "3 cells in line 3, where its first line has 2"),
        (b"a,b\n1,2\n1\n", "1 cells in line 3"),
        (b'a,b\n"x\ny",2\n1,2,3\n', "3 cells in line 4"),
        (b"a,b\n1,2\n\0,3\n", "zero byte in line 3"),
        (b"a,b\n1,2,3\n1,2,3\n", "3 cells in line 2"),
        (gzip.compress(b"a,b\n1,2\n")[:-9], "cannot be read"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_line(written, content, message):
    with pytest.raises(InputError, match=message):
        read_table(written(content))


def test_a_file_that_is_not_there_or_no_parquet_is_told(tmp_path, written):
    with pytest.raises(InputError, match="There is no file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read as CSV or Parquet"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="cannot be read as CSV or Parquet"):
        read_table(written(b"a,b\n1,2\n", "table.parquet"))


def test_codes_with_leading_zeros_are_texts_unless_the_column_is_known_for_numbers(written):
    path = written(b"zip,hour,y\n01067,07,1\n10115,12,2\n")
    frame = read_table(path, {"y": None})
    expected = {"zip": ["01067", "10115"], "hour": [7, 12], "y": [1, 2]}
    assert frame.to_dict("list") == expected
    assert read_table(path, {"zip": False})["zip"].tolist() == [1067, 10115]


def test_two_columns_of_a_name_that_is_asked_for_are_refused(written):
    path = written(b"a,y,y\n1,2,3\n")
    with pytest.raises(InputError, match="2 columns called 'y'; wanted 1"):
        read_table(path, {"y": None})
    assert read_table(path, {"a": False, "y": False}).columns.tolist() == ["a", "y", "y.1"]

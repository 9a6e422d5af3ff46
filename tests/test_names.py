"""Models keep their sensors' names and what people note about them, in files and pickles too, and speak by name."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import threading
import warnings
from collections import OrderedDict, UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import acm_rs
import golden
import numpy as np
import pandas as pd
import pytest
from acm_rs import _native
from calls import STREAMS, constructor
from children import run
from damaged_files import Saved, arrays_of, as_first_format, sealed
from histories import plant
from registry import CASES, CLUSTERINGS, MODELS, Case

NAMES = ("flow", "Druck \u00e9 \u2265 \U0001f525", 'it\'s "p2"\n\t\\ \0 acm_rs "data_offsets"', "", "x" * 1_000_000)
STORED = {key: one.data for key, one in golden.read().items() if one.of in {*MODELS, *CLUSTERINGS} and key == one.kind}
METADATA = {"unit": "bar, \u00b0C", "asset": "P-101", "": "", "trained\n": '"2024"\0', "\U0001f525": "y" * 100_000}


def _engine(name: str, *arguments: Any, **parameters: Any) -> Any:
    """The engine behind a fresh public object."""
    return getattr(acm_rs, name)(*arguments, **parameters)._engine


def _made(case: Case, **parameters: Any) -> Any:
    return _engine(case.model.name, **{**case.parameters, **parameters})


def _call(method: Callable[..., Any], x: Any, names: Any = None) -> Any:
    """A call of an engine's method, which wants all its arguments: None for those that are not given."""
    _, *others = inspect.signature(method).parameters
    return method(x, **{name: names if name == "names" else None for name in others})


def _fitted(name: str, names: Sequence[str] | None, x: Any = None, **parameters: Any) -> Any:
    return _call(_engine(name, **parameters).fit, plant(120, 3) if x is None else x, names)


def _stream(name: str) -> Any:
    return _engine(name, **constructor(name))


def _copies(model: Any, folder: Path) -> list[Any]:
    """The model by every way to disk and back."""
    model.save(folder / "model")
    kind = type(model)
    pickled = (pickle.loads(pickle.dumps(model, protocol)) for protocol in range(2, 6))
    return [kind.load(folder / "model"), kind.from_bytes(model.to_bytes()), *pickled, copy.copy(model)]


# ---- there and back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_names_and_metadata_come_back(case: Case, tmp_path: Path) -> None:
    x = plant(420, case.model.columns, gaps=0.03)
    model, names = _call(_made(case).fit, x, NAMES), NAMES
    model.metadata = METADATA
    assert model.names == names
    assert model.metadata == METADATA
    _call(model.update, x[:9])
    plain = _call(_made(case).fit, x)
    _call(plain.update, x[:9])
    for back in (*_copies(model, tmp_path), copy.deepcopy(model)):
        assert back == model
        assert back.names == names
        assert back.metadata == METADATA
        assert back.to_bytes() == model.to_bytes()
        assert _call(back.score, x).tobytes() == _call(plain.score, x).tobytes()
        assert _call(back.update, x[9:30]).tobytes() == _call(copy.copy(plain).update, x[9:30]).tobytes()
    assert plain.names is None
    assert plain.metadata == {}


@pytest.mark.parametrize("name", STREAMS)
def test_streams_have_metadata_and_no_names(name: str, tmp_path: Path) -> None:
    stream, plain = _stream(name), _stream(name)
    stream.metadata = METADATA
    x = np.arange(9.0) if name == "EpisodeTracker" else plant(9, 4)
    _call(stream.update, x)
    _call(plain.update, x)
    for back in _copies(stream, tmp_path):
        assert back == stream
        assert back.metadata == METADATA
        assert back.names is None
        assert back != plain
    stream.metadata = {}
    assert stream == plain
    assert stream.to_bytes() == plain.to_bytes()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_metadata_belong_to_the_model_before_its_fit_too(case: Case) -> None:
    model = _made(case)
    assert (model.names, model.metadata) == (None, {})
    model.metadata = METADATA
    for back in (copy.copy(model), copy.deepcopy(model), *(pickle.loads(pickle.dumps(model, n)) for n in range(2, 6))):
        assert back.metadata == METADATA
        assert back == model
    assert model != _made(case)
    _call(model.fit, plant(420, case.model.columns))
    assert model.metadata == METADATA


def test_a_fit_takes_new_names_and_leaves_the_metadata() -> None:
    model = _fitted("AR1Detector", ["a", "b", "c"])
    model.metadata = {"asset": "P-101"}
    assert model.fit(plant(120, 2), ("d", "e")).names == ("d", "e")
    assert model.fit(plant(120, 2), None).names is None
    assert model.metadata == {"asset": "P-101"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_failed_fit_leaves_the_names(case: Case) -> None:
    model = _call(_made(case).fit, plant(420, 5), NAMES)
    before = model.to_bytes()
    for wrong in (plant(0, 2), plant(420, 5)):
        with pytest.raises(ValueError, match="`"):
            _call(model.fit, wrong, ["a", "b"])
    assert model.to_bytes() == before


def test_names_and_metadata_count_in_comparisons() -> None:
    model = _fitted("PCADetector", ["a", "b", "c"], n_components=2)
    assert model == _fitted("PCADetector", ("a", "b", "c"), n_components=2)
    for other in (None, ["a", "b", "d"], ["b", "a", "c"], ["a", "bc", ""]):
        assert model != _fitted("PCADetector", other, n_components=2)
    # Keys are sorted: their order makes no other model.
    one, other = copy.copy(model), copy.copy(model)
    one.metadata = {"b": "2", "a": "1"}
    other.metadata = {"a": "1", "b": "2"}
    assert one == other
    assert list(one.metadata) == ["a", "b"]
    for different in ({}, {"a": "1"}, {"a": "2", "b": "1"}, {"a": "1b", "": "2"}):
        other.metadata = different
        assert one != other


def test_what_has_no_names_has_the_bytes_it_had() -> None:
    newest = {key.split(" ")[0]: key for key in sorted(STORED)}
    for key, data in STORED.items():
        # The detectors in it are of the present version, whatever its own.
        if key in newest.values() and not key.startswith("RegimeDetector"):
            model = getattr(_native, key.split(" ")[0]).from_bytes(data)
            assert model.to_bytes() == data
            model.metadata = METADATA
            assert model.to_bytes() != data
            model.metadata = {}
            assert model.to_bytes() == data


@pytest.mark.parametrize("key", sorted(STORED))
def test_files_of_both_formats_load_without_names(key: str) -> None:
    kind = getattr(_native, key.split(" ")[0])
    model = kind.from_bytes(STORED[key])
    assert (model.names, model.metadata) == (None, {})
    model.metadata = METADATA
    assert kind.from_bytes(model.to_bytes()).metadata == METADATA


# ---- what names are -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ["a", "b", "c"],
        ("a", "b", "c"),
        np.array(["a", "b", "c"]),
        np.array(["a", "b", "c"], dtype=object),
        pd.Index(["a", "b", "c"]),
        pd.Series(["a", "b", "c"], index=[7, 8, 9]),
        [np.str_("a"), "b", "c"],
    ],
    ids=lambda names: type(names).__name__,
)
def test_any_sequence_of_text_is_taken(names: Any) -> None:
    found = _fitted("AR1Detector", names).names
    assert found == ("a", "b", "c")
    assert {type(name) for name in found} == {str}


class _Lying(Sequence[str]):
    def __init__(self, says: int, has: int) -> None:
        self.says, self.has = says, has

    def __len__(self) -> int:
        return self.says

    def __getitem__(self, number: Any) -> Any:
        if number >= self.has:
            raise IndexError
        return f"n{number}"


@pytest.mark.parametrize("name", [case.model.name for case in CASES if case.parameters == case.model.variants[0]])
@pytest.mark.parametrize(
    ("names", "error", "text"),
    [
        ("abc", TypeError, "must be a sequence of str, one for each column of `x`, or None, got str"),
        (b"abc", TypeError, "must be a sequence of str.*got bytes"),
        (5, TypeError, "must be a sequence of str.*got int"),
        ({"a": 1, "b": 2, "c": 3}, TypeError, "must be a sequence of str.*got dict"),
        ({"a", "b", "c"}, TypeError, "must be a sequence of str.*got set"),
        ((name for name in "abc"), TypeError, "must be a sequence of str.*got generator"),
        (["a", "b", 3], TypeError, "must be a sequence of str.*got int among them"),
        (["a", None, "c"], TypeError, "got NoneType among them"),
        (["a", b"b", "c"], TypeError, "got bytes among them"),
        (["a", ["b"], "c"], TypeError, "got list among them"),
        (np.array(["a", np.nan, "c"], dtype=object), TypeError, "got float among them"),
        (["a", "b"], ValueError, "must have length 3, got 2"),
        ([], ValueError, "must have length 3, got 0"),
        (["a", "b", "c", "d"], ValueError, "must have length 3, got 4"),
        (["b", "a", "b"], ValueError, "must have no name twice, got 'b' for the columns 0 and 2"),
        (["", "a", ""], ValueError, "must have no name twice, got '' for the columns 0 and 2"),
        (["a", "\ud800", "c"], ValueError, r"must be text without lone surrogates, got '\\ud800'"),
        (_Lying(3, 2), ValueError, "as many values as its length says, 3, got 2"),
        (_Lying(3, 9), ValueError, "as many values as its length says, 3, got more"),
        (_Lying(2**62, 3), ValueError, "must have length 3, got 4611686018427387904"),
    ],
    ids=lambda given: "set" if isinstance(given, set) else repr(given)[:20],
)
def test_wrong_names_are_refused(name: str, names: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"`names` {text}|`names`.*{text}"):
        _fitted(name, names, **{"KMeans": {"n_clusters": 2}}.get(name, {}))


def test_names_are_the_last_argument_and_nothing_may_be_left_out() -> None:
    fits = [getattr(_native, name).fit for name in {case.model.name for case in CASES}]
    for fit in (*fits, _native.KMeans.partial_fit):
        *_, last = given = inspect.signature(fit).parameters.values()
        assert last.name == "names"
        assert {argument.default for argument in given} == {last.empty}


def test_a_line_has_one_name() -> None:
    assert _fitted("AR1Detector", ["flow"], plant(99, 1)[:, 0]).names == ("flow",)


def test_names_are_a_copy() -> None:
    names = ["a", "b", "c"]
    model = _fitted("AR1Detector", names)
    names[0] = "z"
    assert model.names == ("a", "b", "c")
    with pytest.raises(AttributeError):
        model.names = ("d", "e", "f")


# ---- what metadata are ----------------------------------------------------------------------------------------------


class _Pairs(Mapping[str, str]):
    """A mapping that says what it likes."""

    def __init__(self, pairs: Callable[[], Iterator[Any]]) -> None:
        self.pairs = pairs

    def items(self) -> Any:
        return self.pairs()

    def __getitem__(self, key: str) -> str:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def _endless() -> Iterator[Any]:
    while True:
        yield "key", "value"


def _numbered() -> Iterator[Any]:
    return ((str(number), "") for number in range(70_000))


def _failing() -> Iterator[Any]:
    yield "a", "b"
    raise OSError("lost")


@pytest.mark.parametrize("form", [dict, OrderedDict, UserDict, MappingProxyType])
def test_any_mapping_of_text_is_taken(form: Any) -> None:
    model, given = _engine("AR1Detector"), {"b": "2", "a": "1"}
    model.metadata = form(given)
    found = model.metadata
    assert type(found) is dict
    assert found == given
    found["c"] = "3"
    given["d"] = "4"
    assert model.metadata == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("metadata", "error", "text"),
    [
        (None, TypeError, "must be a mapping of str to str, got NoneType"),
        ("asset", TypeError, "must be a mapping of str to str, got str"),
        ([("a", "b")], TypeError, "must be a mapping of str to str, got list"),
        ({"a": 1}, TypeError, "must be a mapping of str to str, got int among them"),
        ({1: "a"}, TypeError, "must be a mapping of str to str, got int among them"),
        ({"a": None}, TypeError, "got NoneType among them"),
        ({"a": b"b"}, TypeError, "got bytes among them"),
        ({"a": {"b": "c"}}, TypeError, "got dict among them"),
        (_Pairs(lambda: iter(["ab"])), TypeError, "must be a mapping of str to str, got _Pairs"),
        (_Pairs(lambda: iter([("a", "b", "c")])), TypeError, "must be a mapping of str to str, got _Pairs"),
        (_Pairs(_failing), TypeError, "must be a mapping of str to str, got _Pairs"),
        (_Pairs(_endless), ValueError, "must be at most 65536 keys, got 65537"),
        (_Pairs(_numbered), ValueError, "must be at most 65536 keys, got 65537"),
        (_Pairs(lambda: iter([("a", "1"), ("b", "2"), ("a", "3")])), ValueError, "must have no key twice"),
        ({"a": "\ud800"}, ValueError, r"must be text without lone surrogates, got '\\ud800'"),
        ({"\udfff": "a"}, ValueError, r"must be text without lone surrogates, got '\\udfff'"),
        ({"a": "x" * 2**24}, ValueError, "must be at most 16777216 bytes of keys and values, got 16777217"),
        ({"x" * 2**24: "a"}, ValueError, "must be at most 16777216 bytes of keys and values, got 16777217"),
    ],
    ids=lambda given: "set" if isinstance(given, set) else repr(given)[:20],
)
def test_wrong_metadata_are_refused(metadata: Any, error: type[Exception], text: str) -> None:
    for model in (_engine("AR1Detector"), _stream("Cusum")):
        model.metadata = {"asset": "P-101"}
        with pytest.raises(error, match=f"`metadata` {text}|`metadata`.*{text}"):
            model.metadata = metadata
        assert model.metadata == {"asset": "P-101"}


def test_as_much_as_may_be_noted_is_kept() -> None:
    model = _stream("EpisodeTracker")
    for most in ({"": "x" * 2**24}, {str(number): "" for number in range(2**16)}):
        model.metadata = most
        assert type(model).from_bytes(model.to_bytes()).metadata == most


def test_metadata_cannot_be_deleted() -> None:
    with pytest.raises(AttributeError):
        del _engine("AR1Detector").metadata


# ---- models that go on from others ----------------------------------------------------------------------------------


def test_batches_have_the_names_of_the_first_that_has_some() -> None:
    x = plant(60, 3)
    model = _engine("KMeans", 2).partial_fit(x, None, None)
    assert model.names is None
    assert model.partial_fit(x, None, ["a", "b", "c"]).names == ("a", "b", "c")
    assert model.partial_fit(x, None, None).names == ("a", "b", "c")
    assert model.partial_fit(x, None, ("a", "b", "c")).names == ("a", "b", "c")
    before = model.to_bytes()
    text = "`names` must be those of the batches before, in their order, got 'c' in place of 'b' for column 1"
    with pytest.raises(ValueError, match=text):
        model.partial_fit(x, None, ["a", "c", "b"])
    with pytest.raises(ValueError, match="`x` must have 3 columns"):
        model.partial_fit(x[:, :2], None, ["a", "b"])
    with pytest.raises(ValueError, match="`names` must have length 3, got 2"):
        model.partial_fit(x, None, ["a", "b"])
    assert model.to_bytes() == before
    assert _engine("KMeans", 2).partial_fit(x, None, ["a", "b", "c"]).names == ("a", "b", "c")


def test_a_reference_has_the_same_names() -> None:
    x = plant(200, 3)
    reference = _fitted("RegimeModel", ["a", "b", "c"], x, n_regimes=2)
    fit = _engine("RegimeModel", 2).fit
    assert fit(x, reference, ["a", "b", "c"]).names == ("a", "b", "c")
    assert fit(x, reference, None).names is None
    assert fit(x, _fitted("RegimeModel", None, x, n_regimes=2), ["d", "b", "c"]).names == ("d", "b", "c")
    with pytest.raises(ValueError, match="`names` must be those of `reference`, in their order, got 'd' in place of"):
        fit(x, reference, ["d", "b", "c"])


# ---- what models say ------------------------------------------------------------------------------------------------

_UNUSED = {
    "AR1Detector": "have less than half of their values (a third of many) and are left out",
    "GaussianMixture": "have no value or do not change, and are left out",
    "OMRDetector": "do not vary or are missing in more than half of the rows (two thirds of many), and are left out",
    "PCADetector": "have no value or do not change, and are left out",
    "MahalanobisDetector": "have no value or do not change, and are left out",
    "IsolationForest": "have no value or do not change, and are left out",
    "FusedDetector": "are constant or lack too many of their values and are left out",
    "SimilarityDetector": "have no value or do not change, and are left out",
}


def _told(fit: Callable[[], Any]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit()
    assert all(warning.category is UserWarning for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("name", _UNUSED)
def test_warnings_speak_of_sensors_by_name(name: str) -> None:
    x = plant(300, 5)
    x[:, [0, 3]] = np.nan
    fit = _engine(name).fit
    names = ["flow", "speed", "power", "p2", "level"]
    assert _told(lambda: _call(fit, x, names)) == [f"sensors 'flow', 'p2' {_UNUSED[name]}"]
    assert _told(lambda: _call(fit, x)) == [f"columns [0, 3] of `x` {_UNUSED[name]}"]
    assert _told(lambda: _call(fit, plant(300, 5), names)) == []


def test_odd_names_and_many_names_fit_into_a_warning() -> None:
    x = plant(300, 5)
    x[:, 1:] = 7.0
    odd = ["a", "it's", "\n\0", '"\u00e9"', "x" * 1_000_000]
    expected = "sensors 'it\\'s', '\\n\\0', '\"\u00e9\"', '" + "x" * 60 + "...' have no value or do not change"
    (told,) = _told(lambda: _fitted("PCADetector", odd, x))
    assert told == f"{expected}, and are left out"
    many = np.column_stack([plant(300, 2), np.ones((300, 25))])
    (told,) = _told(lambda: _fitted("PCADetector", [f"s{number}" for number in range(27)], many))
    assert told == (
        f"sensors {', '.join(repr(f's{number}') for number in range(2, 22))} and 5 more "
        "have no value or do not change, and are left out"
    )


# ---- files that lie -------------------------------------------------------------------------------------------------

_Arrays = dict[str, tuple[str, list[int], bytes]]


def _words(*numbers: int) -> tuple[str, list[int], bytes]:
    return "U64", [len(numbers)], b"".join(number.to_bytes(8, "little") for number in numbers)


def _text(text: str | bytes) -> tuple[str, list[int], bytes]:
    data = text if isinstance(text, bytes) else text.encode()
    return "U8", [len(data)], data


def _file(**changed: tuple[str, list[int], bytes] | None) -> bytes:
    """A model with the names "a", "b", "c" and some metadata, a few of its arrays changed and its checksum right."""
    model = _fitted("AR1Detector", ["a", "b", "c"])
    model.metadata = {"asset": "P", "unit": "bar"}
    arrays: dict[str, Any] = arrays_of(model.to_bytes())
    arrays.update({name.replace("__", "."): array for name, array in changed.items()})
    return sealed("AR1Detector 2", {name: array for name, array in arrays.items() if array is not None})


def test_the_file_can_be_taken_apart_and_put_together() -> None:
    back = _native.AR1Detector.from_bytes(_file())
    assert (back.names, back.metadata) == (("a", "b", "c"), {"asset": "P", "unit": "bar"})
    back = _native.AR1Detector.from_bytes(_file(names=_text("flow"), names__lengths=_words(0, 1, 3)))
    assert back.names == ("", "f", "low")
    back = _native.AR1Detector.from_bytes(_file(metadata=None, metadata__lengths=None))
    assert back.metadata == {}


@pytest.mark.parametrize(
    ("changed", "blamed"),
    [
        ({"names": _text("ab"), "names__lengths": _words(1, 1)}, "names"),
        ({"names": _text("abcd"), "names__lengths": _words(1, 1, 1, 1)}, "names"),
        ({"names": _text(""), "names__lengths": _words()}, "names"),
        ({"names__lengths": _words(1, 1, 2)}, "names"),
        ({"names__lengths": _words(1, 1, 0)}, "names"),
        ({"names__lengths": _words(2**64 - 1, 2, 2)}, "names"),
        ({"names__lengths": _words(*[2**63] * 3)}, "names"),
        ({"names": _text("aba")}, "names"),
        ({"names": _text(b"a\xffc")}, "names"),
        ({"names": _text("\u00e9c")}, "names"),
        ({"names": ("U64", [1], bytes(8))}, "names"),
        ({"names": ("U8", [3, 1], b"abc")}, "names"),
        ({"names": ("I8", [3], b"abc")}, "names"),
        ({"names": ("BOOL", [3], b"abc")}, "names"),
        ({"names__lengths": ("F64", [3], bytes(24))}, "names.lengths"),
        ({"names__lengths": ("U64", [3, 1], _words(1, 1, 1)[2])}, "names.lengths"),
        ({"names__lengths": ("U64", [], _words(3)[2])}, "names.lengths"),
        ({"metadata__lengths": _words(5, 1, 4)}, "metadata"),
        ({"metadata__lengths": _words(5, 1, 4, 4)}, "metadata"),
        ({"metadata__lengths": _words(5, 1, 4, 2**64 - 3)}, "metadata"),
        ({"metadata": _text("unitPassetbar"), "metadata__lengths": _words(4, 1, 5, 3)}, "metadata"),
        ({"metadata": _text("unitPunitbar"), "metadata__lengths": _words(4, 1, 4, 3)}, "metadata"),
        ({"metadata": _text(""), "metadata__lengths": _words()}, "metadata"),
        ({"metadata": _text("x" * (2**24 + 1)), "metadata__lengths": _words(0, 2**24 + 1)}, "metadata"),
        ({"metadata": _text(""), "metadata__lengths": _words(*[0] * 2**18)}, "metadata"),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_lies_about_names_and_metadata_are_refused(changed: Any, blamed: str) -> None:
    with pytest.raises(ValueError, match=f"`data` is not a saved AR1Detector: `{blamed}` is not what it must be$"):
        _native.AR1Detector.from_bytes(_file(**changed))


@pytest.mark.parametrize("lost", ["names", "names.lengths", "metadata", "metadata.lengths"])
def test_halves_are_refused(lost: str) -> None:
    with pytest.raises(ValueError, match=f"`{lost}` is missing$"):
        _native.AR1Detector.from_bytes(_file(**{lost.replace(".", "__"): None}))


def test_sizes_that_no_memory_has_are_refused() -> None:
    data = _file()
    for lie in (2**40, 2**61, 2**63):
        longer = data.replace(b'"names":{"dtype":"U8","shape":[3]', b'"names":{"dtype":"U8","shape":[%d]' % lie)
        longer = (int.from_bytes(data[:8], "little") + len(longer) - len(data)).to_bytes(8, "little") + longer[8:]
        with pytest.raises(ValueError, match="the bytes are no complete safetensors file"):
            _native.AR1Detector.from_bytes(longer)


def test_streams_and_the_first_format_have_no_names() -> None:
    arrays = arrays_of(_stream("Cusum").to_bytes())
    names: _Arrays = {"names": _text("a"), "names.lengths": _words(1)}
    with pytest.raises(ValueError, match="`names` is not what it must be"):
        _native.Cusum.from_bytes(sealed("Cusum 2", {**arrays, **names}))
    named = _fitted("AR1Detector", ["a", "b", "c"])
    noted = _fitted("AR1Detector", None)
    noted.metadata = {"a": "b"}
    for model in (named, noted):
        with pytest.raises(ValueError, match="a field that its format version does not know"):
            _native.AR1Detector.from_bytes(as_first_format(model.to_bytes()))
    _native.AR1Detector.from_bytes(as_first_format(_fitted("AR1Detector", None).to_bytes()))


def test_names_of_another_kind_of_model_are_refused() -> None:
    arrays = arrays_of(_file())
    loads = Saved("", _native.Cusum, b"").loads
    assert not loads(sealed("Cusum 2", arrays))


# ---- threads and forks ----------------------------------------------------------------------------------------------


def test_names_always_belong_to_the_fit_beside_them() -> None:
    model = _engine("AR1Detector")
    two, three = plant(60, 2), plant(60, 3)
    wide = ["a", "b", "c"]
    stop = threading.Event()

    def refit() -> None:
        while not stop.is_set():
            model.fit(two, names=["d", "e"])
            model.metadata = {"columns": "two"}
            model.fit(three, names=wide)
            model.metadata = {}

    model.fit(two, names=["d", "e"])
    workers = [threading.Thread(target=refit) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        seen = {model.names for _ in range(300)}
        for _ in range(300):
            back = type(model).from_bytes(model.to_bytes())
            assert (back.n_features_in_, back.names) in {(2, ("d", "e")), (3, ("a", "b", "c"))}
            assert back.metadata in ({}, {"columns": "two"})
    finally:
        stop.set()
        for worker in workers:
            worker.join()
    assert seen <= {("d", "e"), ("a", "b", "c")}


_FORKS = """
import os, pickle, signal, threading
import acm_rs
from histories import plant

x = plant(60, 3)
states = [(("a", "b", "c"), {}), (("d", "e", "f"), {"asset": "P-101", "n": "y" * 10_000})]
model = acm_rs.PCADetector(2)._engine.fit(x, states[0][0])
stop = threading.Event()
def keep_busy():
    while not stop.is_set():
        for names, metadata in states:
            model.fit(x, names=names)
            model.metadata = metadata
            model.update(x[:5])
            model.to_bytes()

def check():
    assert model.names in [names for names, _ in states]
    assert model.metadata in [metadata for _, metadata in states]
    back = type(model).from_bytes(model.to_bytes())
    assert back.names == model.names and back.metadata == model.metadata
    assert pickle.loads(pickle.dumps(model)) == model
    model.metadata = {"child": "1"}
    model.fit(x, names=["g", "h", "i"])
    model.update(x)
    assert model.names == ("g", "h", "i") and model.metadata == {"child": "1"}

workers = [threading.Thread(target=keep_busy) for _ in range(3)]
for worker in workers:
    worker.start()
ended = {}
for _ in range(60):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            check()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    ended[status] = ended.get(status, 0) + 1
stop.set()
for worker in workers:
    worker.join()
print(ended)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks_amid_fits_and_notes_find_whole_models() -> None:
    assert run(_FORKS, PYTHONWARNINGS="ignore").strip() == "{0: 60}"

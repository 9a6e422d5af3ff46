"""What every model promises: the same bytes however it is asked, clear errors, and a safe way to disk and back."""

from __future__ import annotations

import copy
import pickle
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pytest
from damaged_files import as_first_format
from histories import plant
from registry import CASES, MODELS, Case, Floats, Model

N = 420


def _bytes(values: Any) -> bytes:
    return np.ascontiguousarray(values).tobytes()


def _training(case: Case, gaps: float = 0.03) -> Floats:
    return plant(N, case.model.columns, gaps=gaps)


def _scoring(case: Case) -> Floats:
    x = plant(131, case.model.columns, seed=1, gaps=0.05)
    x[40:50, 0] += 25.0
    return x


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture(scope="module")
def fitted(case: Case) -> Any:
    return case.make().fit(_training(case))


def _results(fitted: Any, case: Case, x: Floats) -> dict[str, bytes]:
    return {name: _bytes(getattr(fitted, name)(x)) for name in ("score", "contributions", *case.model.methods)}


# ---- shapes and bytes -----------------------------------------------------------------------------------------------


def test_fit_returns_itself_and_scores_have_a_row_each(case: Case) -> None:
    model, x = case.make(), _training(case)
    assert model.fit(x) is model
    assert model.n_features_in_ == case.model.columns
    scores = model.score(_scoring(case))
    assert scores.shape == (131,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    shares = model.contributions(_scoring(case))
    assert shares.shape == (131, case.model.columns)
    assert np.isfinite(shares).all()
    assert model.score(x[:0]).shape == (0,)


def test_a_line_is_one_column(case: Case) -> None:
    x = plant(N, 1)[:, 0]
    if case.model.least > 1:
        # One sensor has no other to be predicted from.
        for form in (x, x[:, None]):
            with pytest.raises(ValueError, match="`x` must have"):
                case.make().fit(form)
        return
    model, line = case.make().fit(x[:, None]), case.make().fit(x)
    assert line == model
    assert line.contributions(x).shape == x.shape
    assert _bytes(line.score(x)) == _bytes(model.score(x[:, None]))


def test_the_input_is_not_changed(case: Case) -> None:
    train, x = _training(case), _scoring(case)
    before = train.copy(), x.copy()
    train.setflags(write=False)
    x.setflags(write=False)
    model = case.make().fit(train)
    model.score(x)
    model.contributions(x)
    assert _bytes(train) == _bytes(before[0])
    assert _bytes(x) == _bytes(before[1])


def test_every_layout_gives_the_same_bytes(case: Case, fitted: Any) -> None:
    train, x = _training(case), _scoring(case)
    wanted = _results(fitted, case, x)

    def strided(values: Floats) -> Floats:
        wide = np.zeros((2 * values.shape[0], 3 * values.shape[1]))
        wide[::2, ::3] = values
        return wide[::2, ::3]

    for form in (np.asfortranarray, strided, lambda values: strided(values[::-1])[::-1]):
        assert _results(fitted, case, form(x)) == wanted
        assert case.make().fit(form(train)) == fitted


def test_float32_is_its_widened_self(case: Case) -> None:
    train, x = _training(case).astype(np.float32), _scoring(case).astype(np.float32)
    narrow, wide = case.make().fit(train), case.make().fit(train.astype(np.float64))
    assert narrow == wide
    assert _results(narrow, case, x) == _results(narrow, case, x.astype(np.float64))


@pytest.mark.usefixtures("threads")
def test_any_number_of_threads_gives_the_same_bytes(case: Case) -> None:
    # Long enough for several pieces and jobs.
    train, x = plant(5000, case.model.columns, gaps=0.02), plant(3000, case.model.columns, seed=2, gaps=0.02)
    found = []
    for count in (1, 2, 5):
        acm_rs.set_num_threads(count)
        model = case.make().fit(train)
        found.append((model.to_bytes(), _results(model, case, x)))
    assert found[0] == found[1] == found[2]


def test_pieces_and_single_rows_give_the_bytes_of_the_whole(case: Case, fitted: Any) -> None:
    x = _scoring(case)
    whole = fitted.score(x)
    for cuts in ([1, 2, 9, 64, 65], list(range(1, len(x)))):
        live = copy.deepcopy(fitted)
        pieces = np.split(x, cuts)
        assert _bytes(np.concatenate([live.update(piece) for piece in pieces])) == _bytes(whole)
        if not case.model.remembers:
            assert _bytes(np.concatenate([fitted.score(piece) for piece in pieces])) == _bytes(whole)
            for name in ("contributions", *case.model.methods):
                method = getattr(fitted, name)
                assert _bytes(np.concatenate([method(piece) for piece in pieces])) == _bytes(method(x))


def test_scoring_does_not_disturb_a_live_history(case: Case, fitted: Any) -> None:
    x = _scoring(case)
    live = copy.deepcopy(fitted)
    first = live.update(x[:50])
    live.score(x)
    live.contributions(x[::-1])
    assert _bytes(np.concatenate([first, live.update(x[50:])])) == _bytes(fitted.score(x))


def test_a_new_fit_begins_a_new_history(case: Case, fitted: Any) -> None:
    x = _scoring(case)
    live = copy.deepcopy(fitted)
    live.update(x)
    live.fit(_training(case))
    assert live == fitted
    assert _bytes(live.update(x)) == _bytes(fitted.score(x))


# ---- to disk and back -----------------------------------------------------------------------------------------------


def test_saved_models_are_the_same(case: Case, fitted: Any, tmp_path: Path) -> None:
    x = _scoring(case)
    fitted.save(tmp_path / "model.safetensors")
    fitted.save(str(tmp_path / "model.safetensors"))
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    back = (
        type(fitted).load(tmp_path / "model.safetensors"),
        type(fitted).from_bytes(fitted.to_bytes()),
        *(pickle.loads(pickle.dumps(fitted, protocol)) for protocol in range(2, 6)),
        copy.copy(fitted),
        copy.deepcopy(fitted),
    )
    for model in back:
        assert type(model) is type(fitted)
        assert model == fitted
        assert repr(model) == repr(fitted)
        assert model.to_bytes() == fitted.to_bytes()
        assert _results(model, case, x) == _results(fitted, case, x)


def test_a_saved_history_goes_on(case: Case, fitted: Any) -> None:
    x = _scoring(case)
    live = copy.deepcopy(fitted)
    pieces = []
    for piece in np.split(x, [3, 50, 51]):
        pieces.append(live.update(piece))
        live = type(live).from_bytes(live.to_bytes())
    assert _bytes(np.concatenate(pieces)) == _bytes(fitted.score(x))


def test_models_are_compared_by_parameters_and_state(case: Case, fitted: Any) -> None:
    assert case.make() == case.make()
    assert case.make() != fitted
    assert fitted == case.make().fit(_training(case))
    other = _training(case)
    other[::3] += 0.5
    assert fitted != case.make().fit(other)
    assert fitted != "a model"


def test_the_repr_makes_it_again(case: Case, fitted: Any) -> None:
    names = {case.model.name: getattr(acm_rs, case.model.name)}
    assert eval(repr(fitted), names) == case.make()
    assert pickle.loads(pickle.dumps(case.make())) == case.make()


def test_no_damaged_bytes_are_taken(case: Case, fitted: Any) -> None:
    data = fitted.to_bytes()
    for length in {0, 1, 7, 8, 9, *range(10, len(data), max(1, len(data) // 150)), len(data) - 1}:
        with pytest.raises(ValueError, match=f"not a saved {case.model.name}"):
            type(fitted).from_bytes(data[:length])


def _taken(kind: Any, data: bytes, x: Floats) -> str:
    """What the error says when a model is read and scores; nothing where both work."""
    try:
        kind.from_bytes(data).score(x)
    except ValueError as error:
        return str(error)
    return ""


def test_damage_that_no_checksum_tells_of_never_crashes(case: Case, fitted: Any) -> None:
    data = bytearray(as_first_format(fitted.to_bytes()))
    x = _scoring(case)
    assert type(fitted).from_bytes(bytes(data)) == fitted
    header = 8 + int.from_bytes(data[:8], "little")
    places = {*range(0, header, 3), *range(header, len(data), max(1, (len(data) - header) // 200))}
    for place in sorted(places):
        for bit in (1, 6, 7):
            data[place] ^= 1 << bit
            told = _taken(type(fitted), bytes(data), x)
            assert not told or "not a saved" in told or "`x`" in told
            data[place] ^= 1 << bit


def test_foreign_files_are_named(case: Case, tmp_path: Path) -> None:
    kind = getattr(acm_rs, case.model.name)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        kind.load(tmp_path / "nowhere")
    # A directory: Windows says PermissionError.
    with pytest.raises(OSError, match=tmp_path.name):
        kind.load(tmp_path)
    path = tmp_path / "notes.txt"
    path.write_text("no model at all, but long enough to have a header")
    with pytest.raises(ValueError, match=r"notes\.txt: not a saved"):
        kind.load(path)
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(ValueError, match="not a saved"):
        kind.load(path)
    other = next(other for other in CASES if other.model.name != case.model.name)
    path.write_bytes(other.make().fit(_training(other)).to_bytes())
    with pytest.raises(ValueError, match="another kind of model"):
        kind.load(path)


def test_what_cannot_be_written_leaves_what_was_there(case: Case, fitted: Any, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        fitted.save(tmp_path / "missing" / "model")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        fitted.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer's signal")
@pytest.mark.parametrize("case", [case for case in CASES if case.model.remembers], ids=str)
def test_a_signal_handler_may_ask_a_model_in_use(case: Case) -> None:
    model = case.make().fit(_training(case))
    x = np.tile(plant(2000, case.model.columns), (100, 1))
    told: list[object] = []

    def ask(number: int, frame: object) -> None:
        try:
            told.append(model.to_bytes())
        except RuntimeError as error:
            told.append(str(error))

    before = signal.signal(signal.SIGALRM, ask)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        for _ in range(20):
            model.update(x)
            if len(told) >= 5:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert told
    assert all(isinstance(answer, bytes) or "in use" in str(answer) for answer in told)
    assert model.to_bytes()


def test_batches_of_several_threads_all_count() -> None:
    batches = np.split(plant(4000), 40)
    model = acm_rs.KMeans(3).partial_fit(batches[0])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(model.partial_fit, batches[1:]))
    assert model.counts_.sum() == 4000


# ---- errors ---------------------------------------------------------------------------------------------------------


def test_nothing_works_before_fit(case: Case, tmp_path: Path) -> None:
    model, x = case.make(), _scoring(case)
    calls = [lambda name=name: getattr(model, name)(x) for name in ("score", "update", "contributions")]
    calls += [lambda name=name: getattr(model, name)(x) for name in case.model.methods]
    calls += [model.to_bytes, lambda: model.save(tmp_path / "x"), lambda: model.n_features_in_]
    for call in calls:
        with pytest.raises(RuntimeError, match=r"not fitted yet: call fit\(x\) first"):
            call()
    assert not list(tmp_path.iterdir())
    unset = [name for name in dir(model) if name.endswith("_") and not name.startswith("_")]
    assert "n_features_in_" in unset
    for name in unset:
        # As scikit-learn has it, there are no names before there is a fit.
        kind = AttributeError if name == "feature_names_in_" else RuntimeError
        with pytest.raises(kind, match=r"not (been )?fitted"):
            getattr(model, name)


def test_attributes_are_read_only(case: Case, fitted: Any) -> None:
    names = [name for name in dir(fitted) if name.endswith("_") and not name.startswith("_")]
    for name in [*names, *case.parameters]:
        with pytest.raises(AttributeError):
            setattr(fitted, name, 1)
    for name, value in case.parameters.items():
        assert getattr(fitted, name) == value


def test_wrong_input_is_named(case: Case, fitted: Any) -> None:
    x = _scoring(case)
    columns = case.model.columns
    for name in ("score", "update", "contributions", *case.model.methods):
        method = getattr(fitted, name)
        with pytest.raises(ValueError, match=rf"`x` must have {columns} columns.*got {columns - 1}"):
            method(x[:, :-1])
        with pytest.raises(TypeError, match=r"`x` must have dtype float64 or float32, got int64"):
            method(x.astype(np.float32).view(np.int32).astype(np.int64))
        with pytest.raises(TypeError, match=r"`x` must be a NumPy array.*got list"):
            method(x.tolist())
        with pytest.raises(ValueError, match="`x` must have 1 or 2 dimensions"):
            method(x[None])
    for wrong in (x[:0], np.full((N, columns), np.nan), np.zeros((N, 0))):
        with pytest.raises(ValueError, match="`x` must have"):
            case.make().fit(wrong)
    with pytest.raises(TypeError, match="`x`"):
        case.make().fit(x.astype(object))


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_unknown_parameters_are_refused(model: Model) -> None:
    with pytest.raises(TypeError, match="unknown"):
        model.make(unknown=1)


def test_hostile_numbers_score_without_harm(case: Case) -> None:
    train = _training(case)
    train[7, 0] = 1e150
    train[8, 1] = -1e150
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "left out of the fit", UserWarning)
        model = case.make().fit(train)
    x = _scoring(case)
    x[3] = 1e150
    x[4] = -1e300
    x[5] = np.nan
    x[6] = np.inf
    x[7] = 5e-324
    scores = model.score(x)
    assert scores.shape == (131,)
    assert not np.isnan(scores[[3, 4, 7]]).any()
    assert scores[3] >= np.median(scores[10:40])

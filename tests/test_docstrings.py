"""Every public name says what it does, and its example runs."""

import doctest

import acm_rs
import pytest

PUBLIC = [name for name in acm_rs.__all__ if callable(getattr(acm_rs, name))]


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs(name: str) -> None:
    documented = getattr(acm_rs, name)
    text = documented.__doc__
    assert text
    if isinstance(documented, type) and issubclass(documented, Exception):
        return
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert examples.examples, f"{name} has no example"
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0

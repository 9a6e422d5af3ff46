"""Threads and instructions of the engine."""

from __future__ import annotations

from acm_rs import _native

__all__ = ["cpu_features", "get_num_threads", "set_num_threads"]


def set_num_threads(n: int) -> None:
    """Set the number of threads that long calls use.

    Parameters
    ----------
    n : int
        Between 1 and 1024. The default is the environment variable ``ACM_NUM_THREADS``, else every core this process
        may use. Results are the same bytes for any number of threads.

    Raises
    ------
    ValueError
        ``n`` is no whole number between 1 and 1024.

    Examples
    --------
    >>> import acm_rs
    >>> before = acm_rs.get_num_threads()
    >>> acm_rs.set_num_threads(2)
    >>> acm_rs.get_num_threads()
    2
    >>> acm_rs.set_num_threads(before)
    """
    _native.set_num_threads(n)


def get_num_threads() -> int:
    """The number of threads that long calls use.

    Returns
    -------
    int
        As set by `set_num_threads`, else by the environment variable ``ACM_NUM_THREADS``, else the cores of this
        process.

    Examples
    --------
    >>> import acm_rs
    >>> acm_rs.get_num_threads() >= 1
    True
    """
    return _native.get_num_threads()


def cpu_features() -> list[str]:
    """What this processor offers of the instructions that acm_rs can use, widest last.

    Returns
    -------
    list of str
        For example ``["sse2", "avx2", "avx512"]``; the last one is what the kernels run on.

    Examples
    --------
    >>> import acm_rs
    >>> len(acm_rs.cpu_features()) >= 1
    True
    """
    return _native.cpu_features()

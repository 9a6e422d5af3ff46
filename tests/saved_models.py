"""Models as earlier versions wrote them: ``python tests/saved_models.py`` adds those of this version's formats.

Entries are never changed: files that people have must keep loading.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "data" / "saved_models.json"
SMALL: dict[str, dict[str, Any]] = {
    "IsolationForest": {"n_estimators": 4, "max_samples": 32},
    "HDBSCAN": {"min_cluster_size": 5, "min_samples": 2},
    "KMeans": {"n_clusters": 2},
    "GaussianMixture": {"n_components": 2},
    "PCADetector": {"n_components": 2, "lags": 1},
    "MahalanobisDetector": {"lags": 1},
    "SimilarityDetector": {"memory": 20},
}
"""Parameters that keep the files small and take the models through what they can store."""


def read() -> dict[str, Any]:
    """Read the stored models: name and version -> rows, bytes and the scores they gave."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def main() -> None:
    """Add the models that the file does not have."""
    from histories import plant
    from registry import CLUSTERINGS, MODELS

    stored = read()
    for name, model in {**MODELS, **CLUSTERINGS}.items():
        fitted = model.make(**SMALL.get(name, {})).fit(plant(150, 4))
        data = fitted.to_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        key = header["__metadata__"]["acm_rs"]
        rows = plant(12, 4, seed=5)
        entry = {
            "bytes": base64.b85encode(data).decode("ascii"),
            "rows": rows.tolist(),
            "scores": fitted.score(rows).tolist(),
        }
        stored.setdefault(key, entry)
    FILE.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()

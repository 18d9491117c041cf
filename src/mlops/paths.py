"""Every file that one part of the template writes and another reads, relative to the repository's root."""

CONTRACT = "data/contract.yaml"
PARAMS = "params.yaml"
LOCK = "dvc.lock"
BASE = "manifests/base"
OVERLAYS = "manifests/overlays"
OVERLAY = OVERLAYS + "/{}/kustomization.yaml"
TRIVYIGNORE = ".trivyignore.yaml"
TABLE = "data/table.parquet"  # the table that `adopt` was given

# the owner's room: what `adopt` replaces, and an upgrade leaves alone
OWNERS = (PARAMS, "dvc.yaml", LOCK, "metrics.json", "data", "src/model", "tests/model")

# written by the stages of dvc.yaml
FINGERPRINT = "reports/fingerprint.json"
RAW = "data/raw.parquet"
VALIDATION = "reports/validation.json"
DATA_DOCS = "reports/data_docs/index.html"
PART = "data/prepared/{}.parquet"
MODEL = "models/model.onnx"
PIPELINE = "models/pipeline.joblib"
KEYS = "models/training_keys.parquet"
METRICS = "metrics.json"
PREDICTIONS = "reports/predictions.parquet"
PLOT = "reports/plots/{}.csv"
CARD = "reports/model_card.md"
BEHAVIOUR = "reports/behaviour.json"
DEEPCHECKS = "reports/deepchecks.json"
DEEPCHECKS_PAGE = "reports/deepchecks.html"
STOPPED = "reports/stopped/{}.txt"

# written by `mlops image`: the archive, and what it is made of
IMAGE = "build/image.tar"
IMAGE_ABOUT = "build/image.json"

# written by `mlops scan`
SCAN = "build/scan/trivy.json"
SCANNED = "build/scan/image.json"
SARIF = "build/scan/trivy.sarif"
SBOM = "build/scan/sbom.cdx.json"

# written by `mlops drift`
DRIFT = "reports/drift.json"
DRIFT_REPORT = "reports/drift.md"
DRIFT_PAGE = "reports/drift.html"
EVIDENTLY_PAGE = "reports/evidently.html"
DRIFT_HISTORY = "reports/drift_history.html"  # of all champions, by `mlops publish`

# written by `mlops retrain`
RETRAIN_REPORT = "reports/retrain.md"
RETRAINED = "build/retrain"  # the files of main that a challenger changes, and what it is

# written by `mlops compare`
VERDICT = "reports/verdict.json"
REPORT = "reports/report.md"
REPORT_PAGE = "reports/report.html"

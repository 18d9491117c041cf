"""From a fitted scikit-learn pipeline to ONNX bytes: calibration and threshold inside, the same bytes for the same fit."""

import json

from mlops.errors import CannotRun
from mlops.onnx_model import KEY

OPSET = {"": 18, "ai.onnx.ml": 3}
CLIP = 1e-6  # scores nearer to 0 and 1 than this have no finite logit worth calibrating


def to_onnx(pipeline, columns: list[dict], calibration: tuple[float, float] | None, threshold: float) -> bytes:
    """Return the model file: input X float32 [rows, columns], output score float32 [rows].

    calibration (a, b): score = sigmoid(a * logit(p) + b). Raises CannotRun naming the step that cannot be converted.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

    shape = [("X", FloatTensorType([None, len(columns)]))]
    try:
        model = convert_sklearn(pipeline, "model", shape, target_opset=OPSET, options={"zipmap": False})
    except Exception as error:
        last = type(pipeline.steps[-1][1]).__name__
        reason = " ".join(str(error).split())[:200]
        raise CannotRun(
            f"the pipeline ending in {last} cannot be exported to ONNX ({reason}): "
            "choose logistic or gradient_boosting in params.yaml (train.estimator), or register a converter in src/model/estimator.py"
        ) from error
    model = select_model_inputs_outputs(model, outputs=["probabilities"])
    model.opset_import.sort(key=lambda used: used.domain)  # the converter's order is that of a set of strings
    _finish(model.graph, calibration)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps({"columns": columns, "threshold": threshold}, sort_keys=True)
    return model.SerializeToString()


def _finish(graph, calibration) -> None:
    """Append: take the positive class's column, calibrate, name it score."""
    from onnx import TensorProto
    from onnx.helper import make_node, make_tensor, make_tensor_value_info

    def constant(name, kind, value):
        graph.initializer.append(make_tensor(name, kind, [], [value]))
        return name

    last = constant("positive_class", TensorProto.INT64, 1)
    steps = [("Gather", ["probabilities", last], {"axis": 1})]
    if calibration:
        low, high = constant("low", TensorProto.FLOAT, CLIP), constant("high", TensorProto.FLOAT, 1 - CLIP)
        one = constant("one", TensorProto.FLOAT, 1.0)
        slope, shift = (constant(name, TensorProto.FLOAT, value) for name, value in zip("ab", calibration, strict=True))
        steps += [("Clip", ["@", low, high], {}), ("Sub", [one, "@"], {}), ("Div", ["@2", "@"], {}), ("Log", ["@"], {})]
        steps += [("Mul", ["@", slope], {}), ("Add", ["@", shift], {}), ("Sigmoid", ["@"], {})]
    else:
        steps += [("Identity", ["@"], {})]
    for position, (kind, inputs, attributes) in enumerate(steps):
        back = {"@": f"step{position - 1}", "@2": f"step{position - 2}"}
        output = "score" if position == len(steps) - 1 else f"step{position}"
        graph.node.append(make_node(kind, [back.get(name, name) for name in inputs], [output], **attributes))
    del graph.output[:]
    graph.output.append(make_tensor_value_info("score", TensorProto.FLOAT, [None]))

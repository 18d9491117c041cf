"""From a fitted scikit-learn pipeline to ONNX bytes: calibration and threshold inside, the same bytes for the same fit."""

import json
import re

import numpy as np

from mlops.errors import CannotRun
from mlops.onnx_model import KEY

OPSET = {"": 18, "ai.onnx.ml": 3}
CLIP = 1e-6  # scores nearer to 0 and 1 than this have no finite logit worth calibrating


def to_onnx(pipeline, columns: list[dict], calibration: tuple[float, float] | None, described: dict) -> bytes:
    """Return the model file: input X float32 [rows, columns], output score float32, shaped as mlops.task says.

    calibration: see pipeline.train; described: {task, classes, threshold}, kept in the file. Raises CannotRun naming the step
    that cannot be converted.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    shape, number = [("X", FloatTensorType([None, len(columns)]))], described["task"] == "regression"
    try:
        options = {} if number else {"zipmap": False}
        own = dict.fromkeys((HistGradientBoostingClassifier, HistGradientBoostingRegressor), _boosted_trees)
        model = convert_sklearn(
            pipeline, "model", shape, target_opset=OPSET, options=options, custom_conversion_functions=own
        )
    except Exception as error:
        raise _refusal(pipeline, error) from error
    model = select_model_inputs_outputs(model, outputs=["variable" if number else "probabilities"])
    model.opset_import.sort(key=lambda used: used.domain)  # the converter's order is that of a set of strings
    _finish(model.graph, calibration, described)
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps({"columns": columns, **described}, sort_keys=True)
    return model.SerializeToString()


def _refusal(pipeline, error: Exception) -> CannotRun:
    if isinstance(error, CannotRun):
        return error
    last = type(pipeline.steps[-1][1]).__name__
    inside = {type(step).__name__ for step in pipeline.get_params(deep=True).values() if hasattr(step, "fit")}
    names = sorted(name for name in inside if re.search(rf"\b{name}\b", str(error)))
    name = last if last in names or not names else names[0]
    other = (
        "linear, gradient_boosting or hist_gradient_boosting (train.estimator in params.yaml)"
        if name == last
        else "another in src/model/features.py"
    )
    return CannotRun(
        f"step {name} of the pipeline cannot be exported to ONNX ({' '.join(str(error).split())[:200]}): take {other}, or "
        "register a converter with skl2onnx.update_registered_converter in src/model/estimator.py"
    )


def _boosted_trees(scope, operator, container) -> None:
    """Convert HistGradientBoosting, for which skl2onnx 1.20 gives protobuf a bool where it wants a number."""
    booster, raw = operator.raw_operator, scope.get_unique_variable_name("raw")
    trees, per_round = [tree.nodes for each in booster._predictors for tree in each], booster.n_trees_per_iteration_
    if np.any(booster.is_categorical_):  # it also puts the columns in another order
        raise CannotRun("HistGradientBoosting that splits by category cannot be exported: unset categorical_features")
    width = len(getattr(booster, "classes_", [0]))
    first = width - per_round  # of two classes one has trees; the log-odds of the other are 0
    base = [0.0] * first + booster._baseline_prediction.ravel().tolist()
    container.add_node(
        "TreeEnsembleRegressor", operator.inputs[0].full_name, raw, "ai.onnx.ml", 1,
        scope.get_unique_operator_name("trees"), n_targets=width, base_values=base, **_nodes(trees, per_round, first),
    )  # fmt: skip
    if width == 1:
        link = "Exp" if type(booster._loss.link).__name__ == "LogLink" else "Identity"
        container.add_node(link, raw, operator.outputs[0].full_name)
    else:
        label, probabilities = (output.full_name for output in operator.outputs)
        container.add_node("Softmax", raw, probabilities, op_version=13, axis=1)
        container.add_node("ArgMax", probabilities, label, op_version=13, axis=1, keepdims=0)


def _nodes(trees: list[np.ndarray], per_round: int, first: int) -> dict[str, list]:
    """Return the attributes of ONNX's tree ensemble.

    A threshold is rounded down to float32: then x <= threshold holds for the same float32 x as in scikit-learn.
    """
    tree = np.repeat(np.arange(len(trees)), [len(nodes) for nodes in trees])
    place, nodes = np.concatenate([np.arange(len(nodes)) for nodes in trees]), np.concatenate(trees)
    with np.errstate(over="ignore"):
        near, leaf = nodes["num_threshold"].astype(np.float32), nodes["is_leaf"] == 1
    found = {
        "nodes_treeids": tree,
        "nodes_nodeids": place,
        "nodes_featureids": nodes["feature_idx"],
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ"),
        "nodes_values": np.where(near > nodes["num_threshold"], np.nextafter(near, np.float32(-np.inf)), near),
        "nodes_truenodeids": nodes["left"],
        "nodes_falsenodeids": nodes["right"],
        "nodes_missing_value_tracks_true": nodes["missing_go_to_left"],
        "target_treeids": tree[leaf],
        "target_nodeids": place[leaf],
        "target_ids": tree[leaf] % per_round + first,
        "target_weights": nodes["value"][leaf],
    }
    return {name: values.tolist() for name, values in found.items()}


def _finish(graph, calibration, described: dict) -> None:
    """Append what the task asks for: take the positive class's column, calibrate; name the last output score."""
    from onnx import TensorProto
    from onnx.helper import make_node, make_tensor, make_tensor_value_info

    def constant(name, kind, value, shape=()):
        graph.initializer.append(make_tensor(name, kind, list(shape), [value]))
        return name

    def number(name, value):
        return constant(name, TensorProto.FLOAT, value)

    steps = [("Identity", [graph.output[0].name], {})]
    if described["task"] == "regression":
        steps = [("Reshape", [graph.output[0].name, constant("rows", TensorProto.INT64, -1, [1])], {})]
    elif described["task"] == "binary":
        steps = [("Gather", [graph.output[0].name, constant("positive_class", TensorProto.INT64, 1)], {"axis": 1})]
    if calibration and described["task"] == "binary":
        low, high, one = number("low", CLIP), number("high", 1 - CLIP), number("one", 1.0)
        slope, shift = (number(name, value) for name, value in zip("ab", calibration, strict=True))
        steps += [("Clip", ["@", low, high], {}), ("Sub", [one, "@"], {}), ("Div", ["@2", "@"], {}), ("Log", ["@"], {})]
        steps += [("Mul", ["@", slope], {}), ("Add", ["@", shift], {}), ("Sigmoid", ["@"], {})]
    elif calibration:
        steps += [("Clip", ["@", number("low", CLIP), number("high", 1.0)], {}), ("Log", ["@"], {})]
        steps += [("Mul", ["@", number("a", calibration[0])], {}), ("Softmax", ["@"], {"axis": 1})]
    else:
        steps += [("Identity", ["@"], {})]
    for position, (kind, inputs, attributes) in enumerate(steps):
        back = {"@": f"step{position - 1}", "@2": f"step{position - 2}"}
        output = "score" if position == len(steps) - 1 else f"step{position}"
        graph.node.append(make_node(kind, [back.get(name, name) for name in inputs], [output], **attributes))
    del graph.output[:]
    shape = [None, len(described["classes"])] if described["task"] == "multiclass" else [None]
    graph.output.append(make_tensor_value_info("score", TensorProto.FLOAT, shape))

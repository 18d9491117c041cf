"""Services as tutorials and other projects write them, of the same model: what benchmarks/serve.py compares with."""

TEXT = b"Hello from a uv workspace"

"""What the worker of Wasmtime does with the engine's configuration. Nothing here imports the package."""

"""What the worker of wasm3 is made of: WASI over files in memory, and names of functions."""

"""Reading WebAssembly modules: sections, instructions, features. Nothing here compiles or runs one.

What proposals change (types, instructions, validation) is read by wasm-tools, a program; only the frame
that all modules share (sections, sizes of function bodies, names) is read here.
"""

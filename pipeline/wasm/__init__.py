"""Reading WebAssembly modules: structure, instructions, features. Nothing here compiles or runs one."""

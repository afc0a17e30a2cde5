module coremark-wasm/host

go 1.21

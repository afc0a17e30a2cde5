module coremark-wasm/wazero

go 1.25.0

require (
	coremark-wasm/host v0.0.0
	github.com/tetratelabs/wazero v1.12.0
)

require golang.org/x/sys v0.44.0 // indirect

replace coremark-wasm/host => ../hosts/go

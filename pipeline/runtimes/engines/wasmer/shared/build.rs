//! Links the shared libLLVM of the prefix that llvm-sys would be given.

fn main() {
    if std::env::var_os("CARGO_FEATURE_LLVM").is_none() {
        return;
    }
    let (number, prefix) = std::env::vars()
        .find_map(|(name, prefix)| Some((name.strip_prefix("LLVM_SYS_")?.strip_suffix("_PREFIX")?.to_string(), prefix)))
        .expect("found no LLVM_SYS_<number>_PREFIX, expected what llvm-config --prefix prints");
    let major = &number[..number.len() - 1];
    println!("cargo:rerun-if-env-changed=LLVM_SYS_{number}_PREFIX");
    println!("cargo:rerun-if-env-changed=COREMARK_LLVM_IS_BESIDE");
    println!("cargo:rustc-link-search=native={prefix}/lib");
    println!("cargo:rustc-link-lib=dylib=LLVM-{major}");
    if std::env::var_os("COREMARK_LLVM_IS_BESIDE").is_some() {
        // It and what it loads are in a folder beside the host; what it loads is not where the linker looks.
        println!("cargo:rustc-link-arg-bins=-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib,--allow-shlib-undefined");
    } else {
        // It may be in a folder that the loader does not know.
        println!("cargo:rustc-link-arg-bins=-Wl,-rpath,{prefix}/lib");
    }
}

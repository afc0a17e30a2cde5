//! Links the shared libLLVM of the prefix that llvm-sys is given.

fn main() {
    if std::env::var_os("CARGO_FEATURE_LLVM").is_none() {
        return;
    }
    let (number, prefix) = std::env::vars()
        .find_map(|(name, prefix)| Some((name.strip_prefix("LLVM_SYS_")?.strip_suffix("_PREFIX")?.to_string(), prefix)))
        .expect("found no LLVM_SYS_<number>_PREFIX, expected what llvm-config --prefix prints");
    let major = &number[..number.len() - 1];
    println!("cargo:rerun-if-env-changed=LLVM_SYS_{number}_PREFIX");
    println!("cargo:rustc-link-search=native={prefix}/lib");
    println!("cargo:rustc-link-lib=dylib=LLVM-{major}");
    // It may be in a folder that the loader does not know.
    println!("cargo:rustc-link-arg-bins=-Wl,-rpath,{prefix}/lib");
}

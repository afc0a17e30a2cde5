//! A function of the Rust of their time that releases before 7 link, and today's Rust has not.

// wasmer-vm takes the address of this, and Cranelift calls it from frames that are larger than a page; the Rust of
// its time had it. It reads a word of each page of the rax bytes below the return address, from the top down, and
// keeps all registers but r11 and the flags. Weak: wasmer-vm 7 has one of its own, and whether the linker meets
// that one depends on how rustc has divided the crate.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".weak __rust_probestack",
    ".type __rust_probestack, @function",
    "__rust_probestack:",
    ".cfi_startproc",
    "push rcx",
    ".cfi_adjust_cfa_offset 8",
    "mov rcx, rsp",
    "sub rcx, rax",
    "mov r11, rsp",
    "2:",
    "sub r11, 4096",
    "cmp r11, rcx",
    "jb 3f",
    "test qword ptr [r11], rcx",
    "jmp 2b",
    "3:",
    "test qword ptr [rcx], rcx",
    "pop rcx",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    ".cfi_endproc",
    ".size __rust_probestack, . - __rust_probestack",
);

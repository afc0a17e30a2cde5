"""Every instruction that is decoded, as data: number, name, what its immediates are, and its kind.

Source: the index of instructions of the WebAssembly core specification, release 3.0, with the threads
proposal's atomics and the older form of exception handling (try, catch, rethrow, delegate). Not here,
so unknown: garbage collection, typed function references, wide arithmetic, stack switching.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

#: What instructions are counted as, in the order of tables.
KINDS = (
    "control",
    "call",
    "parametric",
    "local",
    "global",
    "table",
    "reference",
    "load",
    "store",
    "memory",
    "bulk memory",
    "constant",
    "integer",
    "compare",
    "float",
    "conversion",
    "simd",
    "atomic",
)

#: Bytes that another number follows; the two are one: 0xFC 0x0A is 0xFC00A.
PREFIXES = (0xFC, 0xFD, 0xFE)
#: The number after a prefix has this many bits; a larger one is unknown.
PREFIXED_BITS = 12


class Operation(NamedTuple):
    """One instruction of the table; ``shape`` names its immediates, as in ``wasm_code``."""

    mnemonic: str
    shape: tuple[str, ...]
    kind: str


_INTEGER_COMPARE = "eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
_INTEGER = "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"
_FLOAT_COMPARE = "eq ne lt gt le ge"
_FLOAT = "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign"
_VECTOR_COMPARE = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
_VECTOR_FLOAT = "abs neg - sqrt add sub mul div min max pmin pmax"
#: A family of atomics: whole words, then parts of them; {0} is the access, {1} what follows its width.
_ATOMIC = (
    "i32.atomic.{0}{1} i64.atomic.{0}{1} i32.atomic.{0}8{1}{2} i32.atomic.{0}16{1}{2} "
    "i64.atomic.{0}8{1}{2} i64.atomic.{0}16{1}{2} i64.atomic.{0}32{1}{2}"
)
_RMW_NAMES = ("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")
_RMW = " ".join(
    _ATOMIC.format("rmw", f".{name}", "_u") for name in ["add", "sub", "and", "or", "xor", "xchg", "cmpxchg"]
)


#: (kind, number of the first, shape, what the names begin with, names; "-" is a number without one)
_RUNS: tuple[tuple[str, int, str, str, str], ...] = (
    ("control", 0x00, "", "", "unreachable nop"),
    ("control", 0x02, "block", "", "block loop if"),
    ("control", 0x05, "", "", "else"),
    ("control", 0x06, "block", "", "try"),
    ("control", 0x07, "tag", "", "catch throw"),
    ("control", 0x09, "label", "", "rethrow"),
    ("control", 0x0A, "", "", "throw_ref end"),
    ("control", 0x0C, "label", "", "br br_if"),
    ("control", 0x0E, "labels", "", "br_table"),
    ("control", 0x0F, "", "", "return"),
    ("call", 0x10, "function", "", "call"),
    ("call", 0x11, "type table", "", "call_indirect"),
    ("call", 0x12, "function", "", "return_call"),
    ("call", 0x13, "type table", "", "return_call_indirect"),
    ("control", 0x18, "label", "", "delegate"),
    ("control", 0x19, "", "", "catch_all"),
    ("parametric", 0x1A, "", "", "drop select"),
    ("parametric", 0x1C, "types", "", "select"),
    ("control", 0x1F, "block catches", "", "try_table"),
    ("local", 0x20, "local", "local.", "get set tee"),
    ("global", 0x23, "global", "global.", "get set"),
    ("table", 0x25, "table", "table.", "get set"),
    ("load", 0x28, "memarg", "", "i32.load i64.load f32.load f64.load"),
    ("load", 0x2C, "memarg", "i32.", "load8_s load8_u load16_s load16_u"),
    ("load", 0x30, "memarg", "i64.", "load8_s load8_u load16_s load16_u load32_s load32_u"),
    ("store", 0x36, "memarg", "", "i32.store i64.store f32.store f64.store i32.store8 i32.store16"),
    ("store", 0x3C, "memarg", "i64.", "store8 store16 store32"),
    ("memory", 0x3F, "memory", "memory.", "size grow"),
    ("constant", 0x41, "i32", "i32.", "const"),
    ("constant", 0x42, "i64", "i64.", "const"),
    ("constant", 0x43, "f32", "f32.", "const"),
    ("constant", 0x44, "f64", "f64.", "const"),
    ("compare", 0x45, "", "i32.", _INTEGER_COMPARE),
    ("compare", 0x50, "", "i64.", _INTEGER_COMPARE),
    ("compare", 0x5B, "", "f32.", _FLOAT_COMPARE),
    ("compare", 0x61, "", "f64.", _FLOAT_COMPARE),
    ("integer", 0x67, "", "i32.", _INTEGER),
    ("integer", 0x79, "", "i64.", _INTEGER),
    ("float", 0x8B, "", "f32.", _FLOAT),
    ("float", 0x99, "", "f64.", _FLOAT),
    ("conversion", 0xA7, "", "i32.", "wrap_i64 trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u"),
    ("conversion", 0xAC, "", "i64.", "extend_i32_s extend_i32_u"),
    ("conversion", 0xAE, "", "i64.", "trunc_f32_s trunc_f32_u trunc_f64_s trunc_f64_u"),
    ("conversion", 0xB2, "", "f32.", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u demote_f64"),
    ("conversion", 0xB7, "", "f64.", "convert_i32_s convert_i32_u convert_i64_s convert_i64_u promote_f32"),
    ("conversion", 0xBC, "", "", "i32.reinterpret_f32 i64.reinterpret_f64"),
    ("conversion", 0xBE, "", "", "f32.reinterpret_i32 f64.reinterpret_i64"),
    ("integer", 0xC0, "", "i32.", "extend8_s extend16_s"),
    ("integer", 0xC2, "", "i64.", "extend8_s extend16_s extend32_s"),
    ("reference", 0xD0, "heap", "ref.", "null"),
    ("reference", 0xD1, "", "ref.", "is_null"),
    ("reference", 0xD2, "function", "ref.", "func"),
    ("conversion", 0xFC000, "", "i32.", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u"),
    ("conversion", 0xFC004, "", "i64.", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u"),
    ("bulk memory", 0xFC008, "data memory", "memory.", "init"),
    ("bulk memory", 0xFC009, "data", "data.", "drop"),
    ("bulk memory", 0xFC00A, "memory memory", "memory.", "copy"),
    ("bulk memory", 0xFC00B, "memory", "memory.", "fill"),
    ("table", 0xFC00C, "element table", "table.", "init"),
    ("table", 0xFC00D, "element", "elem.", "drop"),
    ("table", 0xFC00E, "table table", "table.", "copy"),
    ("table", 0xFC00F, "table", "table.", "grow size fill"),
    ("simd", 0xFD000, "memarg", "v128.", "load load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s"),
    (
        "simd",
        0xFD006,
        "memarg",
        "v128.",
        "load32x2_u load8_splat load16_splat load32_splat load64_splat store",
    ),
    ("simd", 0xFD00C, "v128", "v128.", "const"),
    ("simd", 0xFD00D, "lanes", "i8x16.", "shuffle"),
    ("simd", 0xFD00E, "", "i8x16.", "swizzle splat"),
    ("simd", 0xFD010, "", "", "i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat"),
    ("simd", 0xFD015, "lane", "i8x16.", "extract_lane_s extract_lane_u replace_lane"),
    ("simd", 0xFD018, "lane", "i16x8.", "extract_lane_s extract_lane_u replace_lane"),
    ("simd", 0xFD01B, "lane", "i32x4.", "extract_lane replace_lane"),
    ("simd", 0xFD01D, "lane", "i64x2.", "extract_lane replace_lane"),
    ("simd", 0xFD01F, "lane", "f32x4.", "extract_lane replace_lane"),
    ("simd", 0xFD021, "lane", "f64x2.", "extract_lane replace_lane"),
    ("simd", 0xFD023, "", "i8x16.", _VECTOR_COMPARE),
    ("simd", 0xFD02D, "", "i16x8.", _VECTOR_COMPARE),
    ("simd", 0xFD037, "", "i32x4.", _VECTOR_COMPARE),
    ("simd", 0xFD041, "", "f32x4.", _FLOAT_COMPARE),
    ("simd", 0xFD047, "", "f64x2.", _FLOAT_COMPARE),
    ("simd", 0xFD04D, "", "v128.", "not and andnot or xor bitselect any_true"),
    ("simd", 0xFD054, "memarg lane", "v128.", "load8_lane load16_lane load32_lane load64_lane"),
    ("simd", 0xFD058, "memarg lane", "v128.", "store8_lane store16_lane store32_lane store64_lane"),
    ("simd", 0xFD05C, "memarg", "v128.", "load32_zero load64_zero"),
    ("simd", 0xFD05E, "", "", "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"),
    ("simd", 0xFD060, "", "i8x16.", "abs neg popcnt all_true bitmask narrow_i16x8_s narrow_i16x8_u"),
    ("simd", 0xFD067, "", "f32x4.", "ceil floor trunc nearest"),
    ("simd", 0xFD06B, "", "i8x16.", "shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"),
    ("simd", 0xFD074, "", "f64x2.", "ceil floor"),
    ("simd", 0xFD076, "", "i8x16.", "min_s min_u max_s max_u"),
    ("simd", 0xFD07A, "", "", "f64x2.trunc i8x16.avgr_u"),
    ("simd", 0xFD07C, "", "i16x8.", "extadd_pairwise_i8x16_s extadd_pairwise_i8x16_u"),
    ("simd", 0xFD07E, "", "i32x4.", "extadd_pairwise_i16x8_s extadd_pairwise_i16x8_u"),
    ("simd", 0xFD080, "", "i16x8.", "abs neg q15mulr_sat_s all_true bitmask narrow_i32x4_s narrow_i32x4_u"),
    ("simd", 0xFD087, "", "i16x8.", "extend_low_i8x16_s extend_high_i8x16_s extend_low_i8x16_u"),
    ("simd", 0xFD08A, "", "i16x8.", "extend_high_i8x16_u shl shr_s shr_u add add_sat_s add_sat_u sub"),
    ("simd", 0xFD092, "", "i16x8.", "sub_sat_s sub_sat_u"),
    ("simd", 0xFD094, "", "f64x2.", "nearest"),
    ("simd", 0xFD095, "", "i16x8.", "mul min_s min_u max_s max_u - avgr_u extmul_low_i8x16_s"),
    ("simd", 0xFD09D, "", "i16x8.", "extmul_high_i8x16_s extmul_low_i8x16_u extmul_high_i8x16_u"),
    ("simd", 0xFD0A0, "", "i32x4.", "abs neg - all_true bitmask - - extend_low_i16x8_s"),
    ("simd", 0xFD0A8, "", "i32x4.", "extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u"),
    ("simd", 0xFD0AB, "", "i32x4.", "shl shr_s shr_u add - - sub - - - mul min_s min_u max_s max_u"),
    ("simd", 0xFD0BA, "", "i32x4.", "dot_i16x8_s - extmul_low_i16x8_s extmul_high_i16x8_s"),
    ("simd", 0xFD0BE, "", "i32x4.", "extmul_low_i16x8_u extmul_high_i16x8_u"),
    ("simd", 0xFD0C0, "", "i64x2.", "abs neg - all_true bitmask - - extend_low_i32x4_s"),
    ("simd", 0xFD0C8, "", "i64x2.", "extend_high_i32x4_s extend_low_i32x4_u extend_high_i32x4_u"),
    ("simd", 0xFD0CB, "", "i64x2.", "shl shr_s shr_u add - - sub - - - mul eq ne lt_s gt_s le_s ge_s"),
    ("simd", 0xFD0DC, "", "i64x2.", "extmul_low_i32x4_s extmul_high_i32x4_s"),
    ("simd", 0xFD0DE, "", "i64x2.", "extmul_low_i32x4_u extmul_high_i32x4_u"),
    ("simd", 0xFD0E0, "", "f32x4.", _VECTOR_FLOAT),
    ("simd", 0xFD0EC, "", "f64x2.", _VECTOR_FLOAT),
    ("simd", 0xFD0F8, "", "i32x4.", "trunc_sat_f32x4_s trunc_sat_f32x4_u"),
    ("simd", 0xFD0FA, "", "f32x4.", "convert_i32x4_s convert_i32x4_u"),
    ("simd", 0xFD0FC, "", "i32x4.", "trunc_sat_f64x2_s_zero trunc_sat_f64x2_u_zero"),
    ("simd", 0xFD0FE, "", "f64x2.", "convert_low_i32x4_s convert_low_i32x4_u"),
    ("simd", 0xFD100, "", "", "i8x16.relaxed_swizzle"),
    ("simd", 0xFD101, "", "i32x4.relaxed_trunc_", "f32x4_s f32x4_u f64x2_s_zero f64x2_u_zero"),
    ("simd", 0xFD105, "", "f32x4.", "relaxed_madd relaxed_nmadd"),
    ("simd", 0xFD107, "", "f64x2.", "relaxed_madd relaxed_nmadd"),
    ("simd", 0xFD109, "", "", "i8x16.relaxed_laneselect i16x8.relaxed_laneselect"),
    ("simd", 0xFD10B, "", "", "i32x4.relaxed_laneselect i64x2.relaxed_laneselect"),
    ("simd", 0xFD10D, "", "f32x4.", "relaxed_min relaxed_max"),
    ("simd", 0xFD10F, "", "f64x2.", "relaxed_min relaxed_max"),
    ("simd", 0xFD111, "", "i16x8.", "relaxed_q15mulr_s relaxed_dot_i8x16_i7x16_s"),
    ("simd", 0xFD113, "", "i32x4.", "relaxed_dot_i8x16_i7x16_add_s"),
    ("atomic", 0xFE000, "memarg", "memory.atomic.", "notify wait32 wait64"),
    ("atomic", 0xFE003, "zero", "", "atomic.fence"),
    ("atomic", 0xFE010, "memarg", "", _ATOMIC.format("load", "", "_u")),
    ("atomic", 0xFE017, "memarg", "", _ATOMIC.format("store", "", "")),
    ("atomic", 0xFE01E, "memarg", "", _RMW),
)


def _numbered() -> Iterator[tuple[int, Operation]]:
    for kind, first, shape, start, names in _RUNS:
        for number, name in enumerate(names.split(), first):
            if name != "-":
                yield number, Operation(start + name, tuple(shape.split()), kind)


OPERATIONS: dict[int, Operation] = dict(_numbered())

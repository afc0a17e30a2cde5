// Counts primes, and the letters and words of a text that it makes, as often as its argument says.
@file:OptIn(kotlin.wasm.unsafe.UnsafeWasmMemoryApi::class, kotlin.wasm.ExperimentalWasmInterop::class)

import kotlin.wasm.WasmImport
import kotlin.wasm.unsafe.withScopedMemoryAllocator

const val LIMIT = 20000
const val TEXT_LENGTH = 40000

var seed = 1u

fun countPrimes(): UInt {
    val isComposite = BooleanArray(LIMIT)
    var count = 0u
    for (i in 2..<LIMIT) {
        if (isComposite[i]) continue
        count++
        for (k in i * i..<LIMIT step i) isComposite[k] = true
    }
    return count
}

fun makeText() = buildString {
    while (length < TEXT_LENGTH) {
        seed = seed * 1664525u + 1013904223u
        val letter = (seed shr 24) % 27u
        append(if (letter == 26u) ' ' else 'a' + letter.toInt())
    }
}

fun countText(text: String, before: UInt): UInt {
    val letters = IntArray(26)
    for (c in text) if (c != ' ') letters[c - 'a']++
    val longest = text.split(' ').maxOf { it.length }
    var sum = before
    var mean = 0.0
    for ((i, count) in letters.withIndex()) {
        sum = sum * 31u + count.toUInt()
        mean += count / (i + 1.5)
    }
    return (sum * 31u + longest.toUInt()) xor mean.toUInt()
}

@WasmImport("wasi_snapshot_preview1", "args_sizes_get")
external fun argsSizesGet(count: Int, bytes: Int): Int

@WasmImport("wasi_snapshot_preview1", "args_get")
external fun argsGet(pointers: Int, bytes: Int): Int

/** Kotlin's library has no way to the arguments of a WASI command. */
fun firstArgument(): String? = withScopedMemoryAllocator { memory ->
    val sizes = memory.allocate(8)
    argsSizesGet(sizes.address.toInt(), sizes.address.toInt() + 4)
    val count = sizes.loadInt()
    val pointers = memory.allocate(4 * count)
    val bytes = memory.allocate((sizes + 4).loadInt())
    argsGet(pointers.address.toInt(), bytes.address.toInt())
    if (count < 2) return@withScopedMemoryAllocator null
    var at = bytes + ((pointers + 4).loadInt() - bytes.address.toInt())
    buildString {
        while (at.loadByte() != 0.toByte()) {
            append(at.loadByte().toInt().toChar())
            at += 1
        }
    }
}

fun main() {
    val n = firstArgument()?.toUInt() ?: 1u
    var primes = 0u
    var sum = 0u
    for (i in 0u..<n) {
        primes = countPrimes()
        sum = countText(makeText(), sum + primes)
    }
    print("primes $primes\nsum $sum\n")
}

//! Counts primes, and the letters and words of a text that it makes, as often as its argument says.

const std = @import("std");

const limit = 20000;
const text_length = 40000;
var seed: u32 = 1;

fn countPrimes() u32 {
    var is_composite: [limit]bool = @splat(false);
    var count: u32 = 0;
    for (2..limit) |i| {
        if (is_composite[i]) continue;
        count += 1;
        var k = i * i;
        while (k < limit) : (k += i) is_composite[k] = true;
    }
    return count;
}

fn makeText(text: []u8) void {
    for (text) |*byte| {
        seed = seed *% 1664525 +% 1013904223;
        const letter: u8 = @intCast((seed >> 24) % 27);
        byte.* = if (letter == 26) ' ' else 'a' + letter;
    }
}

fn countText(text: []const u8, before: u32) u32 {
    var letters: [26]u32 = @splat(0);
    for (text) |byte| {
        if (byte != ' ') letters[byte - 'a'] += 1;
    }
    var longest: usize = 0;
    var words = std.mem.splitScalar(u8, text, ' ');
    while (words.next()) |word| longest = @max(longest, word.len);
    var sum = before;
    var mean: f64 = 0;
    for (letters, 0..) |count, i| {
        sum = sum *% 31 +% count;
        mean += @as(f64, @floatFromInt(count)) / (@as(f64, @floatFromInt(i)) + 1.5);
    }
    return (sum *% 31 +% @as(u32, @intCast(longest))) ^ @as(u32, @intFromFloat(mean));
}

pub fn main(init: std.process.Init) !void {
    const arguments = try init.minimal.args.toSlice(init.arena.allocator());
    const n = if (arguments.len > 1) try std.fmt.parseInt(u32, arguments[1], 10) else 1;
    const text = try init.gpa.alloc(u8, text_length);
    defer init.gpa.free(text);
    var primes: u32 = 0;
    var sum: u32 = 0;
    for (0..n) |_| {
        primes = countPrimes();
        makeText(text);
        sum = countText(text, sum +% primes);
    }
    var buffer: [64]u8 = undefined;
    var output: std.Io.File.Writer = .init(.stdout(), init.io, &buffer);
    try output.interface.print("primes {d}\nsum {d}\n", .{ primes, sum });
    try output.interface.flush();
}

// Counts primes, and the letters and words of a text that it makes, as often as its argument says.
#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr uint32_t limit = 20000, text_length = 40000;

uint32_t count_primes()
{
    std::vector<bool> is_composite(limit);
    uint32_t count = 0;
    for (uint32_t i = 2; i < limit; i++) {
        if (is_composite[i])
            continue;
        count++;
        for (uint32_t k = i * i; k < limit; k += i)
            is_composite[k] = true;
    }
    return count;
}

std::string make_text(uint32_t &seed)
{
    std::string text;
    while (text.size() < text_length) {
        seed = seed * 1664525u + 1013904223u;
        const uint32_t letter = (seed >> 24) % 27;
        text += letter == 26 ? ' ' : static_cast<char>('a' + letter);
    }
    return text;
}

uint32_t count_text(const std::string &text, uint32_t sum)
{
    std::array<uint32_t, 26> letters{};
    uint32_t longest = 0, length = 0;
    for (const char c : text) {
        length = c == ' ' ? 0 : length + 1;
        longest = std::max(longest, length);
        if (c != ' ')
            letters[c - 'a']++;
    }
    double mean = 0;
    for (size_t i = 0; i < letters.size(); i++) {
        sum = sum * 31 + letters[i];
        mean += letters[i] / (static_cast<double>(i) + 1.5);
    }
    return (sum * 31 + longest) ^ static_cast<uint32_t>(mean);
}

} // namespace

int main(int argc, char *argv[])
{
    const auto n = argc > 1 ? static_cast<uint32_t>(std::stoul(argv[1])) : 1;
    uint32_t primes = 0, sum = 0, seed = 1;
    for (uint32_t i = 0; i < n; i++) {
        primes = count_primes();
        sum = count_text(make_text(seed), sum + primes);
    }
    std::cout << "primes " << primes << "\nsum " << sum << "\n";
}

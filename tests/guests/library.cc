// A tour of what C++ programs take from their library; the output is the same for every target and level.
#include <algorithm>
#include <array>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
};

struct Square final : Shape {
    explicit Square(double side) : side(side) {}
    double area() const override { return side * side; }
    double side;
};

struct Disc final : Shape {
    explicit Disc(double radius) : radius(radius) {}
    double area() const override { return 3.0 * radius * radius; }
    double radius;
};

template <typename T, std::size_t N>
constexpr T sum(const std::array<T, N> &values) {
    T total{};
    for (const T &value : values) total += value;
    return total;
}

// Constructed before main, destroyed after it.
struct Farewell {
    explicit Farewell(std::string text) : text(std::move(text)) {}
    ~Farewell() { std::cout << text << std::endl; }
    std::string text;
} farewell(std::string(20, '.') + " done");

}  // namespace

int main() {
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 0; i < 10; i++) {
        if (i % 2 == 0) {
            shapes.push_back(std::make_unique<Disc>(i));
        } else {
            shapes.push_back(std::make_unique<Square>(i));
        }
    }
    auto add = [](double total, const auto &shape) { return total + shape->area(); };
    std::cout << std::fixed << std::setprecision(3) << std::accumulate(shapes.begin(), shapes.end(), 0.0, add) << '\n';
    const Shape *third = shapes[3].get();
    std::cout << (dynamic_cast<const Square *>(third) != nullptr) << (dynamic_cast<const Disc *>(third) != nullptr) << '\n';

    std::mt19937 engine(42);
    std::uniform_int_distribution<int> dice(0, 99999);
    std::vector<int> numbers(1000);
    std::generate(numbers.begin(), numbers.end(), [&] { return dice(engine); });
    std::sort(numbers.begin(), numbers.end());
    std::cout << numbers[0] << ' ' << numbers[500] << ' ' << numbers[999] << '\n';

    std::map<std::string, int> words;
    std::istringstream text("the cat and the dog and the end");
    for (std::string word; text >> word;) words[word]++;
    for (const auto &[word, count] : words) std::cout << word << '=' << count << ' ';
    std::unordered_map<int, int> squares;
    for (int i = 0; i < 1000; i++) squares[i * 7919] = i * i;
    std::cout << squares.at(7919 * 31) << ' ' << sum(std::array{1, 2, 3, 4}) << ' ' << std::stoi("123") << '\n';
}

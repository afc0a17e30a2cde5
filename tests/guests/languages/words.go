// Counts primes, and the letters and words of a text that it makes, as often as its argument says.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	limit      = 20000
	textLength = 40000
)

var seed uint32 = 1

func countPrimes() uint32 {
	var isComposite [limit]bool
	count := uint32(0)
	for i := 2; i < limit; i++ {
		if isComposite[i] {
			continue
		}
		count++
		for k := i * i; k < limit; k += i {
			isComposite[k] = true
		}
	}
	return count
}

func makeText() string {
	var text strings.Builder
	for text.Len() < textLength {
		seed = seed*1664525 + 1013904223
		letter := byte((seed >> 24) % 27)
		if letter == 26 {
			text.WriteByte(' ')
		} else {
			text.WriteByte('a' + letter)
		}
	}
	return text.String()
}

func countText(text string, sum uint32) uint32 {
	var letters [26]uint32
	longest, length := uint32(0), uint32(0)
	for _, c := range text {
		if c == ' ' {
			length = 0
			continue
		}
		length++
		longest = max(longest, length)
		letters[c-'a']++
	}
	mean := 0.0
	for i, count := range letters {
		sum = sum*31 + count
		mean += float64(count) / (float64(i) + 1.5)
	}
	return (sum*31 + longest) ^ uint32(mean)
}

func main() {
	n := uint64(1)
	if len(os.Args) > 1 {
		n, _ = strconv.ParseUint(os.Args[1], 10, 32)
	}
	primes, sum := uint32(0), uint32(0)
	for i := uint64(0); i < n; i++ {
		primes = countPrimes()
		sum = countText(makeText(), sum+primes)
	}
	fmt.Printf("primes %d\nsum %d\n", primes, sum)
}

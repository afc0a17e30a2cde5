package wasi

// Output keeps the beginning of what a guest writes, and counts all of it.
type Output struct {
	kept []byte
	size int64
}

// NewOutput makes an output that keeps at most so many bytes.
func NewOutput(limit int) *Output {
	return &Output{kept: make([]byte, 0, limit)}
}

// Reset makes it empty again.
func (o *Output) Reset() {
	o.kept, o.size = o.kept[:0], 0
}

// Kept returns what is kept, until the next write.
func (o *Output) Kept() []byte {
	return o.kept
}

// Size returns how many bytes were written.
func (o *Output) Size() int64 {
	return o.size
}

func (o *Output) write(data []byte) {
	o.size += int64(len(data))
	if room := cap(o.kept) - len(o.kept); len(data) > room {
		data = data[:room]
	}
	o.kept = append(o.kept, data...)
}

package worker

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// As LIMITS and STDERR_LIMIT in workers/serve.py.
const (
	usualOutput = 1 << 20
	usualStack  = 8192
	stderrLimit = 4096
)

type loadOptions struct {
	Options
	Stdin       string            `json:"stdin"`
	Files       string            `json:"files"`
	Environment map[string]string `json:"env"`
	OutputBytes int               `json:"output_bytes"`
	Clock       string            `json:"clock"`
}

type request struct {
	Op      string      `json:"op"`
	Path    string      `json:"path"`
	Options loadOptions `json:"options"`
	Argv    []string    `json:"argv"`
	Stdin   string      `json:"stdin"`
	Speed   float64     `json:"speed"`
}

// Serve answers requests until the input ends. With "--version" the program prints its engine and release.
func Serve(engine Engine) {
	up := clockSeconds(clockMonotonic)
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(engine.Version())
		return
	}
	prepareRuntime()
	say(map[string]any{"protocol": 1, "monotonic": up})
	lines := bufio.NewReaderSize(os.Stdin, 1<<16)
	var loaded *program
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		check(err)
		asked := request{Options: loadOptions{OutputBytes: usualOutput, Options: Options{StackKiB: usualStack}}}
		check(json.Unmarshal(line, &asked))
		switch {
		case asked.Op == "load":
			if loaded != nil {
				loaded.module.Close()
			}
			var facts Facts
			loaded, facts, err = load(engine, asked.Path, asked.Options)
			say(answerOf(facts, err))
		case loaded == nil:
			check(errors.New("asked to run before a module was loaded"))
		default:
			say(loaded.run(asked))
		}
	}
}

// answerOf returns facts, or why there are none.
func answerOf(facts any, err error) any {
	var refused Refused
	var unavailable Unavailable
	switch {
	case errors.As(err, &refused):
		return map[string]string{"refused": firstLine(refused.Reason)}
	case errors.As(err, &unavailable):
		return map[string]string{"unavailable": unavailable.Reason}
	}
	check(err)
	return facts
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// check ends the process with one line if there is an error: the parent reads it.
func check(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "Error: %s\n", firstLine(err.Error()))
		os.Exit(1)
	}
}

// say writes one message: a line of JSON.
func say(message any) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(message))
	_, err := os.Stdout.Write(line.Bytes())
	check(err)
}

// latin1 returns a text with a character for each byte.
func latin1(data []byte) string {
	var text strings.Builder
	text.Grow(len(data) + len(data)/8)
	for _, each := range data {
		text.WriteRune(rune(each))
	}
	return text.String()
}

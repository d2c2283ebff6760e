package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A published run has a line in the table of README.md.
type published struct {
	args   []string
	digest string // the line that the run prints
}

func readme(t *testing.T) (runs []published) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, r := range regexp.MustCompile("(?m)^\\| `((?:digits|classes) [^`]*)` \\| `([0-9a-f]{16})` \\|").
		FindAllStringSubmatch(string(text), -1) {
		args := strings.Fields(r[1])
		if args[0] == "digits" {
			args = append(args, "-out", "")
		}
		runs = append(runs, published{args, "digest of all losses and of the weights: " + r[2] + "\n"})
	}
	require.Len(t, runs, 3)
	return runs
}

package kernels_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestREADME keeps the README's program what Example is, whose output is checked.
func TestREADME(t *testing.T) {
	program := body(t, "README.md", "```go\npackage main", "func main() {", "\n}\n")
	example := body(t, "example_test.go", "package kernels_test", "func Example() {", "\n\t// Output:")
	require.Equal(t, strings.TrimSpace(example), strings.TrimSpace(program))
}

// TestChangelog has the CHANGELOG name all kernels whose bits are published, and no other.
func TestChangelog(t *testing.T) {
	list := body(t, "CHANGELOG.md", "**Bits**", "float32 and float64:\n\n", ".\n\n")
	data, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	published := map[string]golden{}
	require.NoError(t, json.Unmarshal(data, &published))
	var names []string
	for name := range published {
		if kernel, ok := strings.CutSuffix(name, "/float32"); ok {
			names = append(names, kernel)
			require.Contains(t, published, kernel+"/float64")
		}
	}
	require.Len(t, published, 2*len(names))
	require.ElementsMatch(t, names, strings.Fields(strings.ReplaceAll(list, ",", " ")))
}

// body returns what stands in a file, past the first mark, between start and end.
func body(t *testing.T, file, mark, start, end string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	for _, s := range []string{mark, start} {
		var found bool
		_, text, found = strings.Cut(text, s)
		require.True(t, found, "%s has no %q", file, s)
	}
	text, _, found := strings.Cut(text, end)
	require.True(t, found, "%s has no %q", file, end)
	return text
}

package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/asmgen"
)

// TestGenerated checks that the files in the module's root are what the pages say.
func TestGenerated(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, asmgen.Generate(dir, Kernels()))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 5)
	for _, f := range files {
		want, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("..", f.Name()))
		require.NoError(t, err)
		if string(want) != string(got) {
			t.Errorf("%s is not what go generate writes", f.Name())
		}
		assert.Empty(t, regexp.MustCompile(`CONST..\(x[0-9a-f]+F..<>.*|// x[0-9a-f]+\b.*`).FindString(string(want)), "%s has a constant without a name", f.Name())
		if filepath.Ext(f.Name()) == ".go" {
			for i, line := range strings.Split(string(want), "\n") {
				if len(strings.ReplaceAll(line, "\t", "    ")) > 100 {
					t.Errorf("%s:%d has more than 100 columns", f.Name(), i+1)
				}
			}
		}
	}
}

func TestPages(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kernels() {
		assert.False(t, seen[k.Name], "%s is there twice", k.Name)
		seen[k.Name] = true
		assert.FileExists(t, k.Page+".go", "%s: the page that has it", k.Name)
		assert.NotEmpty(t, k.Loop, "%s: the stub's comment is the loop it performs", k.Name)
	}
}

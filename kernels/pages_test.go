package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/asmgen"
)

// unnamed matches a constant whose name is its bits.
var unnamed = regexp.MustCompile(`CONST..\(x[0-9a-f]+F..<>.*|// x[0-9a-f]+\b.*`)

// TestGenerated checks that the generated files are what the pages give.
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
		assert.Empty(t, unnamed.FindString(string(want)), "%s: a constant without a name", f.Name())
		if filepath.Ext(f.Name()) == ".go" {
			for i, line := range strings.Split(string(want), "\n") {
				if len(strings.ReplaceAll(line, "\t", "    ")) > 100 {
					t.Errorf("%s:%d has more than 100 columns", f.Name(), i+1)
				}
			}
		}
	}
}

// leaky is a kernel with constants of its own and a shared one.
var leaky = asmgen.Kernel{
	Page: "leaky", Name: "leaky", Params: "dst, x []T", Loop: "dst = x*log2e or x*slope",
	Shape: asmgen.Map{
		Out: []string{"dst"}, In: []string{"x"},
		Body: func(b *builder, in, _ []vec) []vec {
			slope := number{"leakySlope", 0.01, 0.01}
			less, more := b.Mul(in[0], slope.in(b)), b.Mul(in[0], log2e.in(b))
			return []vec{b.Select(b.Less(in[0], b.K(0, 0)), less, more)}
		},
	},
}

// TestPageInTheMiddle checks that a page added between others adds lines and changes none.
func TestPageInTheMiddle(t *testing.T) {
	var few []asmgen.Kernel // one of each page
	for _, p := range list {
		kn := p.kernels[0]
		kn.Page = p.name
		few = append(few, kn)
	}
	before, after := t.TempDir(), t.TempDir()
	require.NoError(t, asmgen.Generate(before, few))
	require.NoError(t, asmgen.Generate(after, slices.Insert(few, 2, leaky)))
	files, err := os.ReadDir(before)
	require.NoError(t, err)
	for _, f := range files {
		read := func(dir string) []string {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			require.NoError(t, err)
			return strings.Split(string(text), "\n")
		}
		rest, added := read(before), 0
		for _, line := range read(after) {
			if len(rest) > 0 && line == rest[0] {
				rest = rest[1:]
			} else {
				added++
			}
		}
		assert.Empty(t, rest, "%s: these lines are not there any more, or elsewhere", f.Name())
		if !strings.HasSuffix(f.Name(), "_test.go") { // the list of those that stream: leaky does not
			assert.NotZero(t, added, f.Name())
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

// TestComments checks the comments of the assembly. Each loop says how much it takes at a time, and
// a function that multiplies and adds says which page its operations come from.
func TestComments(t *testing.T) {
	label := regexp.MustCompile(`^(\w+):$`)
	jump := regexp.MustCompile(`^\t(?:J\w+|B\w*|CBN?Z \w+,|TBN?Z \$\d+, \w+,) (\w+)$`)
	for _, name := range []string{"kernels_amd64.s", "kernels_arm64.s"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		loops := 0
		for function := range strings.SplitSeq(string(text), "\nTEXT ") {
			described := map[string]bool{} // labels so far
			lines := strings.Split(function, "\n")
			for i, line := range lines {
				if m := label.FindStringSubmatch(line); m != nil {
					described[m[1]] = strings.HasPrefix(lines[i-1], "// ")
				}
				if m := jump.FindStringSubmatch(line); m != nil {
					if ok, back := described[m[1]]; back {
						loops++
						assert.True(t, ok, "%s: %s: %s", name, lines[0], m[1])
					}
				}
			}
			if strings.Contains(function, "FMADD") || strings.Contains(function, "VFMLA") {
				assert.Regexp(t, `\t// \w+\.go`, function, lines[0])
			}
		}
		assert.Greater(t, loops, 200, name)
		for _, from := range []string{
			"exp.go: horner", "exp.go: reduce", "rows.go: expOf", "tanh.go", "log.go: lossLog",
			"columns.go: columnExp",
		} {
			assert.Contains(t, string(text), "\t// "+from+"\n", name)
		}
	}
}

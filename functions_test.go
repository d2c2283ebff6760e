package kernels_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
)

// TestEveryFunctionHasARow compares the table, which all that goes over every function reads, with what
// the package exports.
func TestEveryFunctionHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, f := range ktable.Funcs[float32]() {
		require.False(t, rows[f.Name], "internal/ktable has two rows for %s", f.Name)
		rows[f.Name] = true
	}
	exported := exportedFunctions(t)
	require.Greater(t, len(exported), 40)
	for _, name := range exported {
		if !rows[name] {
			t.Errorf("%s has no row in internal/ktable: without one it is in no test of bits, bounds and bad calls, no fuzz target and no benchmark", name)
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("internal/ktable has a row for %s, which the package does not export", name)
	}
}

// TestEveryRowIsUsed: each function with slices has a fuzz target of its name, with seeds. The benchmarks and
// all other tests go over the rows themselves.
func TestEveryRowIsUsed(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("fuzz", "kernels_test.go"))
	require.NoError(t, err)
	for _, k := range ktable.Routines[float32]() {
		require.Contains(t, string(source), "func Fuzz"+k.Name+"(f *testing.F)", "fuzz/kernels_test.go has no target for %s", k.Name)
	}
}

// TestReferencesSee proves that the references of the table notice a single result that is wrong.
func TestReferencesSee(t *testing.T) {
	for _, f := range ktable.Funcs[float64]() {
		if f.Check == nil || f.Name == "ShardCrossEntropyGrad" { // which looks at results of its own
			continue
		}
		c := f.Make(kt.NewRand(1), 5, 10, ktable.Values{Kind: kt.Normal, Typical: true}, f.Shares()[0])
		for i, a := range c.Case().Args {
			want, err := c.Case().Expect()
			require.NoError(t, err)
			require.NoError(t, f.Check(c, c.With(want)), f.Name)
			if !a.Out || a.Name == "probs" || a.Name == "rest" {
				continue
			}
			switch v := want[i].At(want[i].Len() - 1); {
			case v.CanFloat():
				v.SetFloat(v.Float()*(1+1e-9) + 1e-12)
			case v.CanInt():
				v.SetInt(v.Int() ^ 1)
			default:
				v.SetUint(v.Uint() ^ 1)
			}
			require.Error(t, f.Check(c, c.With(want)), "%s: %s", f.Name, a.Name)
		}
	}
}

// exportedFunctions returns the names of the exported functions and methods, these with their type.
func exportedFunctions(t *testing.T) (names []string) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil {
				var recv string
				ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok && recv == "" {
						recv = id.Name
					}
					return true
				})
				if !ast.IsExported(recv) {
					continue
				}
				name = recv + "." + name
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

package kernels_test

import (
	"go/ast"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktable"
	kt "kernels/internal/ktest"
	pages "kernels/kernels"
)

// TestStreams checks that the functions of elements give the same bits if they store past the
// caches, and write nothing else. The slices are longer than what one call of a primitive gets:
// only these are stored in this way.
func TestStreams(t *testing.T) {
	t.Run("float32", testStreams[float32])
	t.Run("float64", testStreams[float64])
}

func testStreams[T kernels.Float](t *testing.T) {
	cache := isa.LastLevelCache
	defer func() { isa.LastLevelCache = cache }()
	kt.EachISA(t, func(t *testing.T, _ string) {
		for _, r := range ktable.Routines[T]() {
			if r.Rows {
				continue
			}
			for i, n := range []int{kernels.MaxLen[T]() + 1, 3*kernels.MaxLen[T]() + 77} {
				for _, kind := range []kt.Kind{kt.Normal, kt.Special} {
					c := r.Case(kt.Shape{Rows: 1, Cols: n}, kind, uint64(i), r.Shares[0])
					isa.LastLevelCache = math.MaxInt
					plain := kt.Memory{}.Place(c)
					require.NoError(t, plain.Run(plain.Mem), r.Name)
					isa.LastLevelCache = 0
					require.NoError(t, c.Check(kt.Memory{}, plain.Mem), "%s of %d", r.Name, n)
				}
			}
		}
	})
}

// TestEveryStreamIsReached checks that a function which TestStreams calls uses each primitive that
// stores past the caches.
func TestEveryStreamIsReached(t *testing.T) {
	elements := map[string]bool{}
	for _, r := range ktable.Routines[float32]() {
		elements[r.Name] = !r.Rows
	}
	users := map[string][]string{}
	forEachFunction(t, func(fn *ast.FuncDecl) {
		ast.Inspect(fn, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && elements[fn.Name.Name] {
				if name, ok := call.Fun.(*ast.Ident); ok {
					users[name.Name] = append(users[name.Name], fn.Name.Name)
				}
			}
			return true
		})
	})
	found := 0
	for _, kn := range pages.Kernels() {
		if !kn.Stream {
			continue
		}
		found++
		if len(users[kn.Name]) == 0 {
			t.Errorf("kernels/%s.go has Streams in %s, but no exported function of elements calls %s: "+
				"call it for large slices, as ReLU does, or leave Streams out",
				kn.Page, kn.Plain, kn.Name)
		}
		for _, f := range users[kn.Name] {
			require.Contains(t, users["streams"], f, "%s calls %s without asking streams", f, kn.Name)
		}
	}
	require.Positive(t, found)
}

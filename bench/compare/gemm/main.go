// Command gemm times the matrix products of package kernels beside those of gonum and, built with
// -tags openblas, of OpenBLAS, on one core, in turns.
//
//	go run ./gemm
//	go run -tags openblas ./gemm -isa avx2 -library /usr/lib/x86_64-linux-gnu/libopenblas.so.0
//
// A ratio is a peer's time divided by ours: above 1 ours is faster.
package main

import (
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"

	"kernels"
	"kernels/internal/isa"
	"kernels/internal/ktest"
)

// A product is one computation: m x n results, sums of k terms, a or b transposed or neither.
type product struct{ m, k, n int }

var products = []product{{64, 64, 64}, {256, 256, 256}, {1024, 1024, 1024}, {100, 784, 100}}

// A peer multiplies float32 or float64 matrices; transA and transB as in BLAS.
type peer struct {
	name string
	f32  func(dst, a, b []float32, p product, transA, transB bool)
	f64  func(dst, a, b []float64, p product, transA, transB bool)
}

func main() {
	name := flag.String("isa", isa.Available()[0], "instruction set: "+strings.Join(isa.Available(), ", "))
	rounds := flag.Int("rounds", 21, "turns of each peer, of which the fastest counts")
	library := flag.String("library", "", "the OpenBLAS to load; by default that of the system")
	flag.Parse()
	defer isa.Force(*name)()
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1) // gonum starts goroutines
	peers := []peer{{"kernels", ours[float32], ours[float64]}, {"gonum", gonum32, gonum64}}
	if load != nil {
		p, err := load(*library, *name)
		if err != nil {
			log.Fatal(err)
		}
		peers = append(peers, p)
	}
	fmt.Printf("%s\n\n| product | type | form | GFLOP/s |", kernels.ISA())
	for _, p := range peers[1:] {
		fmt.Printf(" %s |", p.name)
	}
	fmt.Printf("\n|---|---|---|---|%s\n", strings.Repeat("---|", len(peers)-1))
	for _, p := range products {
		for form, trans := range [][2]bool{{false, false}, {true, false}, {false, true}} {
			measure(peers, p, form, trans, *rounds, func(p *peer) mul[float32] { return p.f32 })
			measure(peers, p, form, trans, *rounds, func(p *peer) mul[float64] { return p.f64 })
		}
	}
}

type mul[T kernels.Float] = func(dst, a, b []T, p product, transA, transB bool)

// measure times one product by all peers and prints a line.
func measure[T kernels.Float](
	peers []peer, p product, form int, trans [2]bool, rounds int, of func(p *peer) mul[T],
) {
	a, b := make([]T, p.m*p.k), make([]T, p.k*p.n)
	ktest.Fill(ktest.NewRand(1), ktest.Normal, a, p.k)
	ktest.Fill(ktest.NewRand(2), ktest.Normal, b, p.n)
	want, got := make([]T, p.m*p.n), make([]T, p.m*p.n)
	reps := max(1, 4_000_000/(p.m*p.k*p.n))
	best := make([]float64, len(peers))
	for i := range peers { // nobody is timed who computes something else
		of(&peers[i])(got, a, b, p, trans[0], trans[1])
		if i == 0 {
			copy(want, got)
		}
		for j, v := range got {
			if d := math.Abs(float64(v - want[j])); !(d <= 1e-3*math.Sqrt(float64(p.k))) {
				log.Fatalf("%s: %v: element %d is %v, not %v", peers[i].name, p, j, v, want[j])
			}
		}
		best[i] = math.Inf(1)
	}
	for range rounds {
		for i := range peers {
			f := of(&peers[i])
			start := time.Now()
			for range reps {
				f(got, a, b, p, trans[0], trans[1])
			}
			best[i] = min(best[i], float64(time.Since(start).Nanoseconds())/float64(reps))
		}
	}
	fmt.Printf("| %dx%dx%d | %s | %s | %.1f |", p.m, p.k, p.n, ktest.TypeName[T](),
		[]string{"a*b", "aT*b", "a*bT"}[form], 2*float64(p.m*p.k*p.n)/best[0])
	for _, t := range best[1:] {
		fmt.Printf(" %.2f |", t/best[0])
	}
	fmt.Fprintln(os.Stdout)
}

func ours[T kernels.Float](dst, a, b []T, p product, transA, transB bool) {
	switch {
	case transA:
		kernels.MatMulTransA(dst, a, b, p.m, p.k, p.n)
	case transB:
		kernels.MatMulTransB(dst, a, b, p.m, p.k, p.n)
	default:
		kernels.MatMul(dst, a, b, p.m, p.k, p.n)
	}
}

// transposed returns what BLAS calls a matrix that is transposed or not, and its stride.
func transposed(trans bool, rows, cols int) (blas.Transpose, int) {
	if trans {
		return blas.Trans, rows
	}
	return blas.NoTrans, cols
}

func gonum32(dst, a, b []float32, p product, transA, transB bool) {
	ta, lda := transposed(transA, p.m, p.k)
	tb, ldb := transposed(transB, p.k, p.n)
	gonum.Implementation{}.Sgemm(ta, tb, p.m, p.n, p.k, 1, a, lda, b, ldb, 0, dst, p.n)
}

func gonum64(dst, a, b []float64, p product, transA, transB bool) {
	ta, lda := transposed(transA, p.m, p.k)
	tb, ldb := transposed(transB, p.k, p.n)
	gonum.Implementation{}.Dgemm(ta, tb, p.m, p.n, p.k, 1, a, lda, b, ldb, 0, dst, p.n)
}

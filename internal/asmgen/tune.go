package asmgen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tune writes a program into dir that times a kernel under many pipelines, interleaved on one core, and prints the best: a Map of one input and one
// output, or a Rows that adds its rows. setting names target and type, as in Map.Pipeline.
func Tune(dir string, kn Kernel, setting string, settings []Pipeline) error {
	tg, t := avx2, F32
	name, suffix, _ := strings.Cut(setting, " ")
	for _, x := range []target{avx2, avx512, neon} {
		if x.String() == name {
			tg = x
		}
	}
	if suffix == "F64" {
		t = F64
	}
	if err := kn.check(t); err != nil {
		return err
	}
	pool := newPool("", t)
	var asm, stubs, table strings.Builder
	params, _ := parseParams(kn.Params, t)
	seen := map[string]bool{}
	for i, p := range append([]Pipeline{{}}, settings...) {
		v := kn
		one := map[string]Pipeline{setting: p}
		if i == 0 {
			one = nil
		}
		switch s := kn.Shape.(type) {
		case Map:
			s.Pipeline = one
			v.Shape = s
		case Rows:
			s.Pipeline = one
			v.Shape = s
		default:
			return fmt.Errorf("%s has no pipeline", kn.Name)
		}
		v.Name = fmt.Sprintf("v%d", i)
		text, err := function(v, tg, t, pool)
		code := strings.ReplaceAll(text, stubName(v, t, tg), "")
		if err != nil || seen[code] { // it may not fit the registers; many settings come to the same order
			continue
		}
		seen[code] = true
		asm.WriteString("\n" + text)
		fmt.Fprintf(&stubs, "//go:noescape\nfunc %s(%s)\n\n", stubName(v, t, tg), paramList(params))
		fmt.Fprintf(&table, "\t{%q, func() { %s(%s) }},\n", fmt.Sprintf("%+v", p), stubName(v, t, tg), tuneArguments(params))
	}
	asmFile, err := file(tg, []*constPool{pool}, asm.String())
	if err != nil {
		return err
	}
	main := strings.NewReplacer("TABLE", table.String(), "STUBS", stubs.String(), "FLOAT", t.Go()).Replace(tuneMain)
	for name, text := range map[string]string{"go.mod": "module tune\n\ngo 1.26\n", "main.go": main, "k_amd64.s": string(asmFile)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tuneArguments are those of a call on one row of n elements.
func tuneArguments(params []param) string {
	var args []string
	for _, p := range params {
		switch {
		case p.name == "dst" || p.name == "w" || p.name == "losses" || p.name == "loss":
			args = append(args, "y")
		case p.name == "t" || p.name == "p" || p.name == "r" || p.name == "base":
			args = append(args, "x")
		case p.name == "narrow":
			args = append(args, "false")
		case p.typ == "int":
			args = append(args, "n")
		case !strings.HasPrefix(p.typ, "[]"):
			args = append(args, "1")
		default: // x, and what has one element a row: m, sum, skip
			args = append(args, p.name)
		}
	}
	return strings.Join(args, ", ")
}

const tuneMain = `package main

import (
	"fmt"
	"runtime"
	"sort"
	"time"
)

const n, rounds, calls = 1024, 300, 8

var (
	x, y = make([]FLOAT, n), make([]FLOAT, n)
	m    = make([]FLOAT, 1)
	sum  = make([]float64, 1)
	skip = make([]int, 1)
)

var variants = []struct {
	name string
	f    func()
}{
TABLE}

func main() {
	runtime.LockOSThread()
	for i := range x {
		x[i] = FLOAT(i%200)/10 - 10
	}
	times := make([][]float64, len(variants))
	for range rounds {
		for i, v := range variants {
			v.f() // its code is in the caches then
			start := time.Now()
			for range calls {
				v.f()
			}
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/calls/n)
		}
	}
	order := make([]int, len(variants))
	for i := range times {
		sort.Float64s(times[i])
		order[i] = i
	}
	at := func(i int) float64 { return times[i][len(times[i])/4] }
	base := at(0)
	sort.Slice(order, func(a, b int) bool { return at(order[a]) < at(order[b]) })
	fmt.Printf("%d variants; ns an element (lower quartile of %d rounds), ratio to no pipeline\n", len(variants), rounds)
	for k, i := range order {
		if k < 12 || i == 0 {
			fmt.Printf("%8.4f %6.3f  %s\n", at(i), at(i)/base, variants[i].name)
		}
	}
}

STUBS`

package asmgen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tune writes a program into dir that times a Map kernel of one input and one output under many pipelines, interleaved on one core, and prints
// the best. setting names target and type, as in Map.Pipeline.
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
	pool := &constPool{index: map[uint64]int{}, stride: 32}
	var asm, stubs, table strings.Builder
	shape := kn.Shape.(Map)
	for i, p := range append([]Pipeline{{}}, settings...) {
		v := kn
		s := shape
		s.Pipeline = map[string]Pipeline{setting: p}
		if i == 0 {
			s.Pipeline = nil
		}
		v.Name, v.Shape = fmt.Sprintf("v%d", i), s
		text, ok := try(v, tg, t, pool)
		if !ok {
			continue
		}
		asm.WriteString("\n" + text)
		fmt.Fprintf(&stubs, "//go:noescape\nfunc %s(dst, x []%s)\n\n", stubName(v, t, tg), t.Go())
		fmt.Fprintf(&table, "\t{%q, %s},\n", fmt.Sprintf("%+v", p), stubName(v, t, tg))
	}
	var out bytes.Buffer
	writeFile(&out, tg, map[Type]*constPool{F32: pool, F64: pool}, asm.String())
	main := fmt.Sprintf(tuneMain, t.Go(), t.Go(), t.Go(), t.Go())
	main = strings.NewReplacer("TABLE", table.String(), "STUBS", stubs.String()).Replace(main)
	for name, text := range map[string]string{"go.mod": "module tune\n\ngo 1.26\n", "main.go": main, "k_amd64.s": out.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// try is function for a setting that may not fit the registers.
func try(kn Kernel, tg target, t Type, pool *constPool) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return function(kn, tg, t, pool), true
}

const tuneMain = `package main

import (
	"fmt"
	"runtime"
	"sort"
	"time"
)

var variants = []struct {
	name string
	f    func(dst, x []%s)
}{
TABLE}

func main() {
	runtime.LockOSThread()
	const n, rounds, calls = 2048, 300, 8
	x, y := make([]%s, n), make([]%s, n)
	for i := range x {
		x[i] = %s(i%%200)/10 - 10
	}
	times := make([][]float64, len(variants))
	for range rounds {
		for i, v := range variants {
			start := time.Now()
			for range calls {
				v.f(y, x)
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
	fmt.Printf("%%d variants; ns an element (lower quartile of %%d rounds), ratio to no pipeline\n", len(variants), rounds)
	for k, i := range order {
		if k < 12 || i == 0 {
			fmt.Printf("%%8.4f %%6.3f  %%s\n", at(i), at(i)/base, variants[i].name)
		}
	}
}

STUBS`

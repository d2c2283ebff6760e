package asmgen

import (
	"fmt"
	"strings"
)

// A Variant is a kernel under one pipeline.
type Variant struct {
	Pipeline Pipeline
	Func     string // its name
}

// Variants writes the assembly of a kernel for a setting such as "AVX2 F32": first without a
// pipeline, then under each of the given ones. It leaves out a pipeline that does not fit the
// registers, or that gives the same code as an earlier one.
func Variants(kn Kernel, setting string, pipelines []Pipeline) (
	asm []byte, variants []Variant, err error,
) {
	tg, t, err := parseSetting(setting)
	if err != nil {
		return nil, nil, err
	}
	if err := kn.check(t); err != nil {
		return nil, nil, err
	}
	pool := newPool("", t)
	var functions strings.Builder
	seen := map[string]bool{}
	for i, p := range append([]Pipeline{{}}, pipelines...) {
		one := map[string]Pipeline{setting: p}
		if i == 0 {
			one = nil
		}
		v := kn
		switch s := kn.Shape.(type) {
		case Map:
			s.Pipeline = one
			v.Shape = s
		case Rows:
			s.Pipeline = one
			v.Shape = s
		default:
			return nil, nil, fmt.Errorf("%s has no pipeline", kn.Name)
		}
		v.Name = fmt.Sprintf("v%d", i)
		name := stubName(v, t, tg)
		text, err := function(v, tg, t, pool)
		code := strings.ReplaceAll(text, name, "")
		if err != nil || seen[code] {
			continue
		}
		seen[code] = true
		functions.WriteString("\n" + text)
		variants = append(variants, Variant{p, name})
	}
	asm, err = file(tg, []*constPool{pool}, functions.String())
	return asm, variants, err
}

// parseSetting is the inverse of kernelState.setting.
func parseSetting(setting string) (target, Type, error) {
	for _, tg := range []target{avx2, avx512} {
		for _, t := range []Type{F32, F64} {
			if setting == tg.String()+" "+t.Suffix() {
				return tg, t, nil
			}
		}
	}
	return 0, 0, fmt.Errorf("asmgen: no setting %q, such as \"AVX2 F32\"", setting)
}

// A Param is a parameter of a kernel's assembly.
type Param struct{ Name, Type string }

// ParamsOf returns the parameters of a kernel for a setting.
func ParamsOf(kn Kernel, setting string) (list []Param, err error) {
	_, t, err := parseSetting(setting)
	params, _ := parseParams(kn.Params, t)
	for _, p := range params {
		list = append(list, Param{p.name, p.typ})
	}
	return list, err
}

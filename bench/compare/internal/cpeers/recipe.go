//go:build cgo

package cpeers

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
)

//go:embed job.h target.h expfamily.h explib.h recipe/recipe.c
var recipe embed.FS

// Recipe builds the library of textbook loops in recipe and opens it. It takes clang where there is
// one, because gcc's loops are a quarter slower in rows of 100 classes with AVX-512.
func Recipe() (version string, entries []Entry, err error) {
	cc, err := findCompiler()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "compare-recipe-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir) // the library stays in memory
	for _, name := range []string{"job.h", "target.h", "expfamily.h", "explib.h",
		"recipe/recipe.c"} {
		b, err := recipe.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, path.Base(name)), b, 0o600)
		}
		if err != nil {
			return "", nil, err
		}
	}
	return Build(cc, filepath.Join(dir, "recipe.c"), dir)
}

// Build compiles a C file to a shared library in a folder, and opens it.
func Build(cc, source, dir string, flags ...string) (version string, entries []Entry, err error) {
	lib := filepath.Join(dir, "peers.so")
	args := append([]string{"-O3", "-std=gnu11", "-shared", "-fPIC", source, "-o", lib, "-lm"},
		flags...)
	if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("%s: %w\n%s", cc, err, out)
	}
	return Open(lib)
}

var numbered = regexp.MustCompile(`^clang-(\d+)$`)

// findCompiler returns the path of clang, of the newest clang with a number in its name, or of gcc.
func findCompiler() (string, error) {
	if cc, err := exec.LookPath("clang"); err == nil {
		return cc, nil
	}
	newest, clang := 0, ""
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		files, _ := os.ReadDir(dir) // a folder of PATH need not exist
		for _, f := range files {
			m := numbered.FindStringSubmatch(f.Name())
			if m == nil {
				continue
			}
			if n, _ := strconv.Atoi(m[1]); n > newest {
				newest, clang = n, filepath.Join(dir, f.Name())
			}
		}
	}
	if clang != "" {
		return clang, nil
	}
	for _, cc := range []string{"gcc", "cc"} {
		if p, err := exec.LookPath(cc); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no C compiler")
}

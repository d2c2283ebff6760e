package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// copyModule copies the module at src, without nested modules, to dst.
func copyModule(src, dst string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && rel != "." {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(dst, rel), 0o777)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dst, rel), data, 0o666)
	})
}

// toolchain builds the test binary of the root package again and again, with a different assembly
// file each time. The go command compiles the Go files once. For a mutant, only its assembly is
// assembled, put into the package's archive, and linked.
type toolchain struct {
	module  string   // a copy of the module
	file    string   // the assembly file
	env     []string // of the go command
	work    string   // the go command's temporary folder
	asm     []string
	link    []string
	archive []byte // the package without the object file of the assembly
	pkg     string // path of the archive
}

var workLine = regexp.MustCompile(`(?m)^WORK=(.*)$`)

func newToolchain(module, file, goarch string) (*toolchain, error) {
	tc := &toolchain{module: module, file: file, env: append(os.Environ(), "GOARCH="+goarch)}
	if goarch != "amd64" {
		tc.env = append(tc.env, "CGO_ENABLED=0")
	}
	// a comment makes the package new to the build cache
	path := filepath.Join(module, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, fmt.Appendf(text, "// %d\n", time.Now().UnixNano()),
		0o666); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "test", "-c", "-x", "-work", "-vet=off", "-o",
		filepath.Join(module, "first.test"), ".")
	cmd.Dir, cmd.Env = module, tc.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	m := workLine.FindSubmatch(out)
	if m == nil {
		return nil, errors.New("the go command does not name its work folder")
	}
	tc.work = string(m[1])
	for line := range strings.SplitSeq(string(out), "\n") {
		words := fields(strings.ReplaceAll(line, "$WORK", tc.work))
		for len(words) > 0 && strings.Contains(words[0], "=") {
			words = words[1:]
		}
		if len(words) == 0 {
			continue
		}
		switch filepath.Base(words[0]) {
		case "asm":
			if words[len(words)-1] == "./"+file && !strings.Contains(line, "-gensymabis") {
				tc.asm = words
			}
		case "link":
			tc.link = words
		}
	}
	if tc.asm == nil || tc.link == nil {
		return nil, errors.New("the go command did not assemble and link")
	}
	object := tc.asm[index(tc.asm, "-o")+1]
	tc.pkg = filepath.Join(filepath.Dir(object), "_pkg_.a")
	data, err := os.ReadFile(tc.pkg)
	if err != nil {
		return nil, err
	}
	tc.archive, err = without(data, filepath.Base(object))
	return tc, err
}

func (tc *toolchain) close() { os.RemoveAll(tc.work) }

// fields splits a command line with double or single quotes.
func fields(line string) []string {
	var out []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, c := range line + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && c == ' ':
			if open {
				out = append(out, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	return out
}

func index(words []string, w string) int {
	for i, x := range words {
		if x == w {
			return i
		}
	}
	return -1
}

const arMagic = "!<arch>\n"

// without returns an archive without the named member. Members have headers of 60 bytes: name, then
// at 48 the size.
func without(archive []byte, name string) ([]byte, error) {
	out := []byte(arMagic)
	found := false
	for rest := archive[len(arMagic):]; len(rest) >= 60; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil {
			return nil, err
		}
		n := min(60+size+size%2, len(rest))
		if strings.TrimSpace(string(rest[:16])) == name[:min(len(name), 16)] {
			found = true
		} else {
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	if !found {
		return nil, fmt.Errorf("no %s in the package", name)
	}
	return out, nil
}

// build makes the test binary for the given assembly in dir, a copy of the module. It also writes
// the assembly there, for the tests that read the file.
func (tc *toolchain) build(dir, text string) (binary string, err error) {
	src, obj, pkg, cfg := filepath.Join(dir, tc.file), filepath.Join(dir, "asm.o"),
		filepath.Join(dir, "_pkg_.a"), filepath.Join(dir, "importcfg.link")
	binary = filepath.Join(dir, "kernels.test")
	if err := os.WriteFile(src, []byte(text), 0o666); err != nil {
		return "", err
	}
	asm := append([]string(nil), tc.asm...)
	asm[index(asm, "-o")+1] = obj
	asm[len(asm)-1] = src
	if err := tc.tool(asm); err != nil {
		return "", err
	}
	object, err := os.ReadFile(obj)
	if err != nil {
		return "", err
	}
	var archive bytes.Buffer
	archive.Write(tc.archive)
	fmt.Fprintf(&archive, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", "kernels_asm.o", 0, 0, 0, 0o644, len(object))
	archive.Write(object)
	if len(object)%2 == 1 {
		archive.WriteByte(0)
	}
	if err := os.WriteFile(pkg, archive.Bytes(), 0o666); err != nil {
		return "", err
	}
	link := append([]string(nil), tc.link...)
	c := index(link, "-importcfg") + 1
	imports, err := os.ReadFile(link[c])
	if err != nil {
		return "", err
	}
	if !bytes.Contains(imports, []byte("packagefile kernels="+tc.pkg)) {
		return "", errors.New("the package is not where the linker looks for it")
	}
	imports = bytes.ReplaceAll(imports, []byte("packagefile kernels="+tc.pkg),
		[]byte("packagefile kernels="+pkg))
	if err := os.WriteFile(cfg, imports, 0o666); err != nil {
		return "", err
	}
	link[c] = cfg
	link[index(link, "-o")+1] = binary
	return binary, tc.tool(append([]string{link[0], "-s", "-w"}, link[1:]...))
}

func (tc *toolchain) tool(words []string) error {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = tc.module, tc.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// run runs a test binary and returns how it ended.
func (tc *toolchain) run(
	dir, binary string, wrap []string, limit time.Duration, args ...string,
) (verdict, string) {
	// an endless loop in assembly spends its CPU time, which a busy machine does not change
	ctx, cancel := context.WithTimeout(context.Background(), 20*limit)
	defer cancel()
	seconds := strconv.Itoa(int(limit.Seconds()))
	words := slices.Concat([]string{"-c", `ulimit -t "$1" && shift && exec "$@"`, "sh", seconds},
		wrap, []string{binary, "-test.short", "-test.failfast", "-test.timeout=0"}, args)
	cmd := exec.CommandContext(ctx, "sh", words...)
	cmd.Dir, cmd.Env = dir, tc.env
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	text := string(out)
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	switch {
	case ctx.Err() != nil || err != nil && spent > limit-time.Second:
		return timedOut, ""
	case err == nil && strings.Contains(text, "no tests to run"):
		return survived, "no tests to run"
	case err == nil:
		return survived, ""
	case strings.Contains(text, "--- FAIL"):
		return failed, firstFailure(text)
	default:
		return crashed, firstLine(text)
	}
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// firstFailure returns the innermost failed test.
func firstFailure(text string) string {
	best := ""
	for _, m := range failure.FindAllStringSubmatch(text, -1) {
		if len(m[1]) > len(best) {
			best = m[1]
		}
	}
	return best
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

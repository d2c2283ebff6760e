package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/asmgen"
	pages "kernels/kernels"
)

// TestWrite checks that the timing program compiles for each kernel that has pipelines.
func TestWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("calls go vet for each kernel")
	}
	all := map[string]asmgen.Kernel{}
	for _, kn := range pages.Kernels() {
		all[kn.Name] = kn
	}
	for name, setting := range map[string]string{
		"sigmoid":         "AVX2 F32",
		"sigmoidFast":     "AVX512 F32",
		"tanh":            "AVX2 F64",
		"sigmoidLoss":     "AVX512 F64",
		"sigmoidLossGrad": "AVX2 F32",
		"lossLog":         "AVX2 F64",
		"rowsExpSum":      "AVX2 F64",
	} {
		dir := t.TempDir()
		settings := loops()[:40]
		if name == "rowsExpSum" {
			settings = groups()[:40]
		}
		require.NoError(t, write(dir, all[name], setting, settings), name)
		text, err := os.ReadFile(filepath.Join(dir, "variants.go"))
		require.NoError(t, err)
		assert.Contains(t, string(text), "func v0F", name)
		cmd := exec.Command("go", "vet", ".") // types, and the stubs against the assembly
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOARCH=amd64", "GOFLAGS=-mod=mod", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "%s: %s", name, out)
	}
	assert.Error(t, write(t.TempDir(), all["sigmoid"], "AVX3 F32", nil))
	assert.Error(t, write(t.TempDir(), all["reluMask"], "AVX2 F32", nil))
	assert.EqualError(t, tune("nothing", "AVX2 F32"), "there is no kernel nothing")
}

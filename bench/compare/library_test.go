//go:build cgo

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/bench/compare/internal/cpeers"
)

// buildExample compiles the example of a library of peers and returns its path.
func buildExample(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	source, err := filepath.Abs("internal/cpeers/testdata/peer.c")
	require.NoError(t, err)
	flags = append(flags, "-I"+filepath.Dir(filepath.Dir(source)))
	_, _, err = cpeers.Build("cc", source, dir, flags...)
	if err != nil {
		t.Logf("Build: %v", err)
	}
	return filepath.Join(dir, "peers.so")
}

func TestPeerLibrary(t *testing.T) {
	file := buildExample(t)
	peers, err := libraryPeers(file, "avx2")
	require.NoError(t, err)
	require.Len(t, peers, 2, "the third is for AVX-512 only")
	assert.Equal(t, "example", peers[0].Name)
	assert.Equal(t, "the example", peers[0].Version)
	assert.Equal(t, "from peers.so; ReLU f32: exact", peers[0].Note)
	for _, p := range peers {
		assert.Positive(t, peerAgrees[float32](t, p)+peerAgrees[float64](t, p), p.Name)
	}
	m := &meter{turn: 10 * time.Microsecond, budget: time.Millisecond, rounds: 5,
		log: func(string, ...any) {}}
	all := append(goPeers()[:1], peers...)
	for c, name := range map[Case]string{{"ReLU", "float32", 1, 1000}: "example",
		{"Softmax", "float64", 10, 10}: "example", {"MatMul", "float32", 20, 10}: "example-mul"} {
		x, err := m.measure(c, all)
		require.NoError(t, err)
		assert.NotNil(t, x.get(name), "%s", c)
	}
	x, err := m.measure(Case{"Softmax", "float32", 10, 10}, all)
	require.NoError(t, err)
	assert.Nil(t, x.get("example"))

	peers, err = libraryPeers(file, "avx512")
	require.NoError(t, err)
	assert.Len(t, peers, 3)
}

func TestPeerLibraryRefused(t *testing.T) {
	for flag, want := range map[string]string{
		"-DABI=99":               "interface 99",
		`-DKERNEL="SoftmaxWith"`: `"SoftmaxWith" is not a kernel without options`,
		`-DKERNEL="Gadget"`:      `"Gadget" is not a kernel`,
		"-Dcompare_entries=x":    "no symbol compare_entries",
		`-DKERNEL="Softmax"`:     "",
	} {
		_, err := libraryPeers(buildExample(t, flag), "avx2")
		if want == "" {
			assert.NoError(t, err, flag)
			continue
		}
		assert.ErrorContains(t, err, want, flag)
	}
	_, err := libraryPeers("no such file", "avx2")
	assert.Error(t, err)
	wrong, err := libraryPeers(buildExample(t, `-DKERNEL="Sigmoid"`), "avx2")
	require.NoError(t, err)
	m := &meter{turn: time.Microsecond, budget: time.Millisecond, rounds: 5, log: t.Logf}
	_, err = m.measure(Case{"Sigmoid", "float32", 1, 100}, append(goPeers()[:1], wrong...))
	assert.ErrorContains(t, err, "example: wrong result", "a peer that computes something else")
}

//go:build mpi

package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// program is built once, with the tag.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kernels-mpi")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "mpi")
	out, err := exec.Command("go", "build", "-tags", "mpi", "-o", name, ".").CombinedOutput()
	os.Stderr.Write(out)
	return name, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

// limit is more than any of the runs takes: what takes longer hangs.
const limit = 2 * time.Minute

// mpirun returns a command that runs the program on so many ranks of this machine.
func mpirun(t *testing.T, ranks int, args ...string) *exec.Cmd {
	t.Helper()
	name, err := program()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	all := []string{"--oversubscribe", "--allow-run-as-root", "-n", strconv.Itoa(ranks), name}
	c := exec.CommandContext(ctx, "mpirun", append(all, args...)...)
	// mpirun ends the ranks when it gets this signal
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	return c
}

// TestMPIDigest checks that the runs of README.md end with its digests on any number of ranks.
func TestMPIDigest(t *testing.T) {
	for _, ranks := range []int{1, 2, 4, 8} {
		if ranks == 8 && testing.Short() {
			continue
		}
		for _, r := range readme(t) {
			out, err := mpirun(t, ranks, r.args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), "; ranks: "+strconv.Itoa(ranks)+"; ")
			assert.Contains(t, string(out), r.digest)
			t.Logf("%d ranks: %s", ranks, regexp.MustCompile("time .*").FindString(string(out)))
		}
	}
}

// interrupted starts a run of four ranks, sends a signal to the process of rank 2 after the second
// epoch, checks that the run fails soon, and returns what it has printed.
func interrupted(t *testing.T, signal syscall.Signal, args ...string) string {
	t.Helper()
	c := mpirun(t, 4, append(args, "-v")...)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	c.Stdout, c.Stderr = w, w
	require.NoError(t, c.Start())
	w.Close()
	var printed bytes.Buffer
	process, sent := 0, time.Time{}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		printed.WriteString(lines.Text() + "\n")
		if p := regexp.MustCompile(`^rank 2 of 4: process (\d+) on `).FindStringSubmatch(lines.Text()); p != nil {
			process, err = strconv.Atoi(p[1])
			require.NoError(t, err)
		}
		if regexp.MustCompile(`^epoch +2 `).MatchString(lines.Text()) {
			require.NotZero(t, process)
			require.NoError(t, syscall.Kill(process, signal))
			sent = time.Now()
		}
	}
	err = c.Wait()
	var status *exec.ExitError
	require.ErrorAs(t, err, &status, "the run fails:\n%s", &printed)
	require.NotZero(t, sent)
	assert.Less(t, time.Since(sent), 30*time.Second, "and does not hang")
	t.Logf("ended %.1f s after %v of rank 2, with status %d:\n%s", time.Since(sent).Seconds(), signal,
		status.ExitCode(), &printed)
	assert.Eventually(t, func() bool { return hasEnded(process) }, 10*time.Second, 10*time.Millisecond,
		"no process is left")
	assert.NotContains(t, printed.String(), "digest of")
	return printed.String()
}

// hasEnded reports whether there is no such process, or no more of it than its status, which nobody
// has asked for.
func hasEnded(process int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(process) + "/stat")
	return err != nil || regexp.MustCompile(`\) [ZX] `).Match(stat)
}

// TestKilledRank kills one of four ranks in the middle of a run: the others end, with a message
// that names it, and the run goes on from its checkpoint to the digest of an undisturbed one.
func TestKilledRank(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.checkpoint")
	args := []string{"digits", "-images", "4000", "-epochs", "6", "-out", "", "-checkpoint", file}
	printed := interrupted(t, syscall.SIGKILL, args...)
	assert.Regexp(t, `process rank 2 with PID \d+ on node \S+ exited on signal 9 \(Killed\)`,
		strings.Join(strings.Fields(printed), " "))

	out, err := mpirun(t, 4, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("started again:\n%s", out)
	assert.Regexp(t, `\ngoing on after epoch [2-5], from `, string(out))
	whole, err := mpirun(t, 1, args[:len(args)-2]...).CombinedOutput()
	require.NoError(t, err, "%s", whole)
	digest := regexp.MustCompile(`digest of .*: [0-9a-f]{16}\n`)
	require.Regexp(t, digest, string(whole))
	assert.Equal(t, digest.FindString(string(whole)), digest.FindString(string(out)))
}

// TestSilentRank stops one of four ranks, which MPI does not notice: the others lose patience.
func TestSilentRank(t *testing.T) {
	printed := interrupted(t, syscall.SIGSTOP, "digits", "-images", "4000", "-epochs", "6", "-out", "",
		"-patience", "3s")
	assert.Regexp(t, `mpi: rank [03] of 4: rank 2 has not answered for 3s\n`, printed)
}

// TestRankErrors checks that an error of one rank ends all of them.
func TestRankErrors(t *testing.T) {
	name, err := program()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "run.checkpoint")
	require.NoError(t, os.WriteFile(file, []byte("not one"), 0o666))
	digits := []string{"digits", "-images", "100", "-epochs", "1", "-out", ""}
	with := func(more ...string) []string { return append(digits[:len(digits):len(digits)], more...) }
	for _, c := range []struct {
		ranks int
		args  []string
		want  string
	}{
		{3, digits, "mpi: rank 0 of 3: 3 ranks: their number is a power of two and divides 8"},
		{2, with("-ranks", "2"), "mpi: -ranks is for a run in one process"},
		{4, with("-checkpoint", file), "mpi: rank 0 of 4: " + file + ": not a checkpoint\n"},
		{1, append(with(":", "-n", "1", name), with("-seed", "2")...),
			"rank 0 and rank 1 differ in flags, data or the order of bytes"},
	} {
		out, err := mpirun(t, c.ranks, c.args...).CombinedOutput()
		var status *exec.ExitError
		require.ErrorAs(t, err, &status, "%v:\n%s", c.args, out)
		assert.Equal(t, 1, status.ExitCode())
		assert.Contains(t, strings.ReplaceAll(string(out), "rank 1 and rank 0", "rank 0 and rank 1"), c.want)
	}
}

#!/bin/bash
# .ci/fuzz.sh FUZZTIME [TARGET...]   fuzzes each target (default: all) for FUZZTIME, such as 1m or
# 10000x, one after the other: go test -fuzz takes one at a time, and would link each time.
#
# A run for a time begins with what earlier ones have found, in Go's cache. It minimizes an input for
# a few seconds, not for Go's minute, in which nothing new is tried. A run for a number of inputs
# begins with the seeds, so that it does not depend on the machine, and minimizes nothing, because
# that would take most of the inputs.
#
# Up to Go 1.26 a fuzz run for a time may end in a bare "context deadline exceeded" although nothing
# failed (go.dev/issue/75804). A real failure names its input: without one, the target passed. A run
# for a number of inputs has no deadline to miss.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
time=${1:?usage: .ci/fuzz.sh FUZZTIME [TARGET...]}
shift
targets=("$@")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
out=$work/out

go test -c -fuzz . -o "$work/fuzz.test" ./fuzz && cd fuzz || exit 1
if [ ${#targets[@]} = 0 ]; then
	mapfile -t targets < <("$work/fuzz.test" -test.list '^Fuzz' | grep '^Fuzz')
	[ ${#targets[@]} -gt 0 ] || { echo "fuzz.sh: no fuzz targets"; exit 1; }
fi
flags=(-test.fuzzcachedir "$(go env GOCACHE)/fuzz/kernels/fuzz" -test.fuzzminimizetime 3s)
[ "$time" = "${time%x}" ] || flags=(-test.fuzzcachedir "$work/found" -test.fuzzminimizetime 0x)
for t in "${targets[@]}"; do
	echo "--- $t"
	if "$work/fuzz.test" -test.run '^$' -test.fuzz "^$t\$" -test.fuzztime "$time" "${flags[@]}" 2>&1 | tee "$out"; then
		grep -q '^fuzz: elapsed' "$out" || { echo "fuzz.sh: no fuzz target $t"; exit 1; } # to the test binary that is no failure
		continue
	fi
	grep -qx ' *context deadline exceeded' "$out" &&
		! grep -qE 'Failing input|panic|terminated unexpectedly|_test\.go:[0-9]' "$out" || exit 1
	echo "fuzz.sh: $t: nothing failed; go.dev/issue/75804"
done

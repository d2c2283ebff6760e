#!/bin/bash
# .ci/fuzz.sh FUZZTIME [TARGET...]   fuzzes each target (default: all) for FUZZTIME, such as 1m or
# 10000x, one after the other: go test -fuzz takes one at a time.
#
# Up to Go 1.26 a fuzz run for a time may end in a bare "context deadline exceeded" although nothing
# failed (go.dev/issue/75804). A real failure names its input: without one, the target passed. A run
# for a number of inputs has no deadline to miss.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
time=${1:?usage: .ci/fuzz.sh FUZZTIME [TARGET...]}
shift
targets=("$@")
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

if [ ${#targets[@]} = 0 ]; then
	mapfile -t targets < <(go test ./fuzz -list '^Fuzz' | grep '^Fuzz')
	[ ${#targets[@]} -gt 0 ] || { echo "fuzz.sh: no fuzz targets"; exit 1; }
fi
for t in "${targets[@]}"; do
	echo "--- $t"
	if go test ./fuzz -run '^$' -fuzz "^$t\$" -fuzztime "$time" 2>&1 | tee "$out"; then
		grep -q '^fuzz: elapsed' "$out" || { echo "fuzz.sh: no fuzz target $t"; exit 1; } # to go test that is no failure
		continue
	fi
	grep -qx ' *context deadline exceeded' "$out" &&
		! grep -qE 'Failing input|panic|terminated unexpectedly|_test\.go:[0-9]' "$out" || exit 1
	echo "fuzz.sh: $t: nothing failed; go.dev/issue/75804"
done

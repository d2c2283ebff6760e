#!/bin/bash
# .ci/common.sh   what .ci/run and .ci/nightly share. Both source it, and define
#
#   FAST        names of steps, which are functions: they run one after the other, packages first
#   LANE        steps that run beside these, one after the other; () for none
#   keep_going  yes if the other steps run although one has failed; else the first one ends the run
#
# and then call main "$@".
#
# shellcheck disable=SC2317,SC2030,SC2031,SC2034,SC2154 # steps are called by name; what a step exports in a subshell is for itself
set -uo pipefail
script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
root=$PWD

STATICCHECK=v0.8.2
ACTIONLINT=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
FAST=() LANE=() keep_going=no

work=$(mktemp -d "${TMPDIR:-/tmp}/kernels-ci.XXXXXX") || exit 1
lane=
cleanup() {
	[ -z "$lane" ] || kill -TERM -- "-$lane" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A run must not depend on how its caller selects code.
unset GODEBUG KERNELS_ISA KERNELS_THIN KERNELS_EXPECT GOAMD64 GOARM64 GOOS GOARCH GOEXPERIMENT GOWORK CGO_ENABLED
export GOFLAGS="${GOFLAGS:-} -timeout=40m" # of go test; the emulators beside it slow it down
export DEBIAN_FRONTEND=noninteractive KERNELS_REQUIRE KERNELS_REQUIRE_OBJDUMP=1

has() { # has FLAG...: the CPU has all of them
	local f
	for f; do grep -qm1 "^flags.* $f\( \|\$\)" /proc/cpuinfo || return 1; done
}
KERNELS_REQUIRE='' missing='AVX2 and AVX-512'
if has avx2 fma bmi2; then
	KERNELS_REQUIRE=avx2 missing=AVX-512
	if has avx512f avx512dq avx512bw avx512vl; then KERNELS_REQUIRE=avx2,avx512 missing=''; fi
fi

note() { # note TEXT: says in the summary, too, what a step leaves out on this machine
	echo "$1"
	echo "      $1" >>"$work/notes.$current"
}

# --- tests by name ----------------------------------------------------------------------------------------------------

# go test does not fail if a -run pattern matches nothing, or if a test skips itself. A step that
# needs certain tests names them, as TestGolden or TestTable/float32/.+: the parts between the
# slashes are regular expressions for whole names. Each name must match a test that passed, and no
# test may be skipped.

tests() { # tests NAME... -- ARG...: go test ARG... of the tests named, and no others
	local names=() out=$work/tests.$BASHPID
	while [ "$1" != -- ]; do
		names+=("$1")
		shift
	done
	shift
	go test -count=1 -v -run "$(pattern "${names[@]}")" "$@" >"$out" 2>&1
	passed $? "$out" "${names[@]}"
}

pattern() { # pattern NAME...: the -run pattern of these tests
	local n all=''
	for n; do all="$all|^(${n//\//)\$/^(})\$"; done
	echo "${all#|}"
}

passed() { # passed STATUS FILE NAME...: judges tests that ended with STATUS and wrote FILE, with -v
	local rc=$1 out=$2 n why=()
	shift 2
	grep -E '^ {0,4}--- |^(ok|PASS|FAIL|panic|avx512-run)|_test\.go:' "$out"
	for n; do
		grep -qE "^ *--- PASS: $n \(" "$out" || why+=("no test passed that is named $n")
	done
	while read -r _ _ n _; do why+=("skipped: $n"); done < <(grep '^ *--- SKIP' "$out")
	if [ "$rc" != 0 ] || [ ${#why[@]} != 0 ]; then
		tail -n 40 "$out"
		printf '%s\n' "${why[@]}"
		return 1
	fi
}

# --- steps and parts of steps that both have --------------------------------------------------------------------------

packages() {
	local want=(ca-certificates gcc libc6-dev git qemu-user llvm-19 binutils bochs bochs-term bochsbios vgabios busybox-static
		grub-pc-bin grub-common xorriso bsdutils shellcheck pkg-config openmpi-bin libopenmpi-dev nodejs) absent=() p
	for p in "${want[@]}"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok' || absent+=("$p")
	done
	# always, because apt-get download, which fetches the kernel for Bochs, needs the lists too
	apt-get update -q || { sleep 10; apt-get update -q; } || return 1
	if [ ${#absent[@]} -gt 0 ]; then
		apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "${absent[@]}" || return 1
	fi
	.ci/avx512-run.sh --fetch || return 1
	go version && go mod download && echo "required here: ${KERNELS_REQUIRE:-nothing}"
}

modules=(examples bench/compare)

golden() { # golden WHAT [FLAG...]: checks the golden hashes on WHAT
	local what=$1
	shift
	tests TestGolden/.+ -- -short "$@" . || { echo "golden hashes on $what"; return 1; }
}

digests() { # digests WHAT [FLAG...]: checks the digests of the examples on WHAT
	local what=$1 p
	shift
	for p in spiral mnist mpi; do
		(cd examples && tests TestDigest -- -short "$@" "./$p") || { echo "digests of $p on $what"; return 1; }
	done
}

benchmarks() { # benchmarks [FLAG...]: each benchmark of ./bench once
	local b
	go test -run '^$' -bench . -benchtime 1x "$@" ./bench | tee "$work/bench" || return 1
	for b in $(go test -list '^Benchmark' ./bench | grep ^Benchmark); do
		grep -q "^${b}[/-].*ns/op" "$work/bench" || { echo "$b did not run"; return 1; }
	done
	grep -q ^Benchmark "$work/bench"
}

cross() { # cross GOARCH QEMU REQUIRED: environment of a qemu run
	export GOARCH=$1 CGO_ENABLED=0 KERNELS_REQUIRE=$3
	exec_flag="$root/.ci/qemu-exec.sh $2"
}

# --- the run ----------------------------------------------------------------------------------------------------------

summary=$work/summary
: >"$summary"
current=

step() { # step NAME: runs a step, passes its output on and notes its time
	local t=$SECONDS rc verdict=ok
	current=$1
	printf '\n=== %s\n' "$1"
	"$1" </dev/null 2>&1 | tee "$work/out.$1"
	rc=${PIPESTATUS[0]}
	t=$((SECONDS - t))
	if [ "$rc" = 0 ]; then
		printf '%s: %d s\n' "$1" $t
	else
		verdict=FAIL
		printf '%s FAILED (status %d) after %d s\n' "$1" "$rc" $t
	fi
	{
		printf '%-5s %-14s %4d s\n' $verdict "$1" $t
		cat "$work/notes.$1" 2>/dev/null
	} >>"$summary"
	return "$rc"
}

finish() { # finish STATUS
	local s
	printf '\n=== summary (%d s)\n' $SECONDS
	cat "$summary"
	while read -r _ s _; do
		printf '\n=== the end of what %s printed\n' "$s"
		tail -n 30 "$work/out.$s" | cut -c -300
	done < <(grep ^FAIL "$summary")
	[ -z "$missing" ] || echo "not in this CPU, run under an emulator only: $missing"
	exit "$1"
}

slow_lane() {
	local s
	for s in "${LANE[@]}"; do step "$s" || return 1; done
}

lane_failed() { # the slow lane has ended with a failure
	[ -n "$lane" ] && [ -f "$work/lane.rc" ] && [ "$(cat "$work/lane.rc")" != 0 ]
}

main() { # main [STEP...]: runs the steps named, or FAST with LANE beside it
	local s failed=0
	case ${1:-} in
	-l)
		printf '%s\n' "${FAST[@]}" "${LANE[@]}"
		exit
		;;
	-*)
		sed -n '2,/^[^#]/{/^#/p}' "$script"
		exit 2
		;;
	?*)
		for s; do
			case " ${FAST[*]} ${LANE[*]} " in *" $s "*) ;; *) echo "no step $s" >&2; exit 2 ;; esac
			step "$s" || { [ "$keep_going" = yes ] && failed=1; } || finish 1
		done
		finish $failed
		;;
	esac

	for s in "${FAST[@]}"; do
		step "$s" || { [ "$keep_going" = yes ] && [ "$s" != packages ] && failed=1; } || finish 1
		if [ "$s" = packages ] && [ ${#LANE[@]} != 0 ]; then # what the emulators need is here now
			set -m # a process group of its own, so that it can be ended whole
			(
				slow_lane >"$work/lane.out" 2>&1
				echo $? >"$work/lane.rc"
			) </dev/null &
			lane=$!
			set +m
		fi
		if lane_failed; then break; fi
	done
	[ -n "$lane" ] || finish $failed
	wait "$lane"
	lane=
	printf '\n=== emulators, run beside the steps above\n'
	cat "$work/lane.out"
	[ "$(cat "$work/lane.rc" 2>/dev/null)" = 0 ] || finish 1
	finish $failed
}

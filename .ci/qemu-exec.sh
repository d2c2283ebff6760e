#!/bin/sh
# qemu-exec.sh QEMU BINARY [ARGS...]   runs a foreign-architecture test binary under qemu-user, for go test -exec.
#
#   GOARCH=arm64 CGO_ENABLED=0 go test -exec "$PWD/.ci/qemu-exec.sh qemu-aarch64" ./...
#   GOARCH=arm64 CGO_ENABLED=0 go test -exec "$PWD/.ci/qemu-exec.sh qemu-aarch64" -run '^$' -fuzz FuzzSigmoid ./fuzz
#
# argv[0] of the guest is a small wrapper script, so that a test that starts itself again (the workers of
# go test -fuzz, tests using os.Args[0]) comes back through qemu. Works without binfmt_misc.
# Exit status: that of BINARY; 125 when the wrapper cannot be set up.
# Needs: apt-get install -y --no-install-recommends qemu-user
if [ $# -lt 2 ]; then
	echo "usage: qemu-exec.sh QEMU BINARY [ARGS...]" >&2
	exit 125
fi
qemu=$1 binary=$2
shift 2
command -v "$qemu" >/dev/null || {
	echo "qemu-exec: no $qemu; run: apt-get install -y --no-install-recommends qemu-user" >&2
	exit 125
}
case $binary in /*) ;; *) binary=$PWD/$binary ;; esac
wrapper=$(mktemp "${TMPDIR:-/tmp}/qemu-exec.XXXXXX") || exit 125
printf '#!/bin/sh\nexec %s -0 "%s" "%s" "$@"\n' "$qemu" "$wrapper" "$binary" >"$wrapper" && chmod +x "$wrapper" || exit 125
child=
trap 'rm -f "$wrapper"' EXIT
trap '[ -n "$child" ] && kill -INT "$child" 2>/dev/null' INT TERM
"$wrapper" "$@" &
child=$!
wait "$child"

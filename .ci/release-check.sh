#!/bin/bash
# .ci/release-check.sh [TAG]   what to know before a tag: vulnerabilities in what is linked, and changes
# of the API since TAG (default: the last tag). Incompatible ones need a new major version, or v0.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
APIDIFF=golang.org/x/exp/cmd/apidiff@latest
GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@latest

work=$(mktemp -d) || exit 1
trap 'git worktree remove --force "$work/old" 2>/dev/null; rm -rf "$work"' EXIT

echo "--- vulnerabilities"
status=0
go run "$GOVULNCHECK" ./... || status=1

tag=${1:-$(git describe --tags --abbrev=0 2>/dev/null)}
if [ -z "$tag" ]; then
	echo "--- API: NOT compared, because there is no tag yet"
	exit $status
fi
echo "--- API since $tag"
git worktree add --quiet --detach "$work/old" "$tag" && GOBIN=$work go install "$APIDIFF" || exit 1
packages=$(go list ./... | grep -v -e /internal/ -e /bench -e /fuzz -e '/kernels\(/\|$\)') || exit 1
for p in $packages; do
	# a package that is new has nothing to compare with
	(cd "$work/old" && go list "$p" >/dev/null 2>&1) || { echo "$p is new"; continue; }
	(cd "$work/old" && "$work/apidiff" -w "$work/export" "$p") || exit 1
	echo "$p:"
	"$work/apidiff" "$work/export" "$p" || exit 1
	[ -z "$("$work/apidiff" -incompatible "$work/export" "$p")" ] || status=1
done
[ $status = 0 ] || echo "release-check: there are incompatible changes"
exit $status

//go:build xnnpack || sleef || peers

package cpeers

import (
	"os/exec"
	"strings"
)

// debian returns the version of an installed package, if there is a dpkg to ask.
func debian(name string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

#!/bin/bash
# .ci/width.sh [FILE...]   prints the lines that are too wide, as file:line, and fails if there are any.
#
# Without arguments it reads all Go and Markdown files of the repository. Comments and paragraphs
# are wrapped at 100 columns, code and everything else at 120. A tab counts as 4 columns. Not looked
# at are
#   - generated Go files,
#   - lines of a Markdown table, which begin with |,
#   - lines that are nothing but a string literal, and lines that end in a URL: neither can break.
# In comments and Markdown, code is indented or fenced; it may have 120 columns, too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# = 0 ]; then
	mapfile -d '' -t files < <(git ls-files -z --cached --others --exclude-standard '*.go' '*.md')
	set -- "${files[@]}"
fi
# In this locale awk sees bytes, whichever awk it is: a character counts by its first one.
LC_ALL=C awk '
	FNR == 1 { markdown = FILENAME ~ /\.md$/; generated = fenced = 0 }
	!markdown && /^\/\/ Code generated .* DO NOT EDIT\.$/ { generated = 1 }
	markdown && /^ *```/ { fenced = !fenced }
	generated || markdown && /^\|/ || /^\t*["`]/ || /:\/\/[^ ]+$/ { next }
	{
		line = $0
		gsub(/[\200-\277]/, "", line)
		gsub(/\t/, "    ", line)
		if (markdown)
			limit = fenced || /^(    |\t)/ ? 120 : 100
		else
			limit = /^\t*\/\/ ([^ \t]|  +- )/ ? 100 : 120
		if (length(line) > limit) {
			printf "%s:%d: %d columns, of %d\n", FILENAME, FNR, length(line), limit
			wide = 1
		}
	}
	END { exit wide }
' "$@"

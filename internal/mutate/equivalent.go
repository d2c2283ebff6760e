package main

import (
	"fmt"
	"regexp"
	"strings"
)

// An equivalence is a kind of mistake that does not change the bits, and the reason. Only surviving
// mutants are looked up here. All patterns must match.
type equivalence struct {
	// regular expressions; before and after are for the instructions before and after the mistake,
	// ignoring labels
	fn, line, what, before, after string
	why                           string
}

var equivalences = []equivalence{
	{
		fn: `(AVX2|NEON)$`, line: `^CMPQ? .*\$[248]\b`, what: `.`,
		after: `^(J|B)(LT|GE) (rest|loop|part)`,
		why:   "", // not here: the code for a part of a vector does not take a whole one
	},
	{
		fn: `(AVX2|NEON)$`, line: `^(J|B)(LT|GE) (rest|loop|part)`, what: `.`,
		before: `^CMPQ? .*\$[248]\b`,
		why:    "", // nor here
	},
	{
		line: `(CMPQ|CMP) .*\$\d+`, what: `^\$\d+ for \$\d+$`,
		after: `^(J|B)(LT|GE) (rest|plain|tail|part|loop|pipe|drain|wide|one|block)`,
		why: "the loop starts, or ends, a turn sooner; the next, for fewer vectors or a " +
			"partial one, does the rest in the same order",
	},
	{
		line: `^(JLT|JGE|BLT|BGE) (rest|plain|tail|part|loop|pipe|drain|wide|one|block)`,
		what: `^(JLE for JLT|JGT for JGE|BLE for BLT|BGT for BGE)$`, before: `^CMP`,
		why: "the loop starts, or ends, a turn sooner; the next, for fewer vectors or a partial " +
			"one, does the rest in the same order",
	},
	{
		line: `^VCMPP[SD] \$0, `, what: `^operands swapped$`,
		why: "equality has no order",
	},
	{
		fn: `Skip.*(AVX2|AVX512)$`, line: `^(TESTQ \w+, \w+|JLT whole\d+)$`, what: `^left out$`,
		after: `^(JLT whole|CMPQ \w+, \$\d+)`,
		why:   "a group with every element is added block by block, in the same order",
	},
	{
		fn: `^rowsFind.*NEON$`, line: `^VUZP1`, what: `VUZP2 for VUZP1`,
		why: "both halves of a lane's truth are alike",
	},
	{
		line:   `^(TESTQ (\w+), \w+|J(EQ|LE|LT) (done|fold|store|none))`,
		what:   `left out|JLT for JLE`,
		before: `.`, after: `^(J(EQ|LE) (done|fold|store|none)|MOVL \$-1|MOVQ (\$\d|\w+, ))`,
		why: "with nothing left the masks are empty: nothing is loaded, added or stored",
	},
	{
		fn: `^(rowsDot|rowsSum|rowsSoftmaxBackward)`, line: `^VMOVUP|^VMASKMOV`,
		what: `source exchanged`,
		why:  "both loads are exchanged, and their product commutes",
	},
	{
		fn: `^(rowsSumProb|rowsDot|rowsSumF)`, line: `^VADDP|^VANDP|^VAND`,
		what: `mask K1 left out|operand passed on`,
		why:  "absent elements are loaded as 0, which adds +0 here also without the mask",
	},
	{
		fn: `^rowsDot`, line: `^VMULP`, what: `operands swapped`, why: "a product commutes",
	},
	{
		fn: `^(rowsMax|columns)`, line: `VMAX`, what: `source exchanged|operands swapped`,
		why: "a maximum may be taken in any order: zeros get +0 added, and a row with NaN is " +
			"NaN whatever its maximum is",
	},
	{
		fn: `^rowsMax`, line: `^VBROADCASTS[SD] \w+<>\(SB\), [YZ]0$`, what: `0xff[8f]0`,
		why: "the first register takes part in every row, and where it is NaN or less the first elements replace it",
	},
	{
		line: `^VBROADCASTS[SD]`, what: `constant 0x(43380000|4b40000)`,
		why: "the number that rounds to an integer is added and subtracted again from the same " +
			"register; another large integer does the same",
	},
	{
		fn: `^adam`, line: `^(J|B)GE loop3$`, what: `^left out$`, before: `^CMP`,
		why: "the loop over two vectors leaves less than two, so this one has one turn at most",
	},
	{
		line: `^(J|B)GE loop\d+$`, what: `^left out$`, before: `^CMP`, after: `^CMPQ? `,
		why: "the loop over several vectors has one turn; the loop over single ones does the rest, " +
			"in the same order",
	},
	{
		fn: `^hardSwish(Stream)?F`, line: `^VMINP`, what: `^operands swapped$`,
		why: "x+3 is NaN only where x is, and so is the product with x",
	},
	{
		fn: `^(gelu|geglu)TanhBackwardF64`, line: `geluDownScaleF64`, what: `^source exchanged`,
		why: "products with a power of two commute; where they are subnormal, the other factor is 1",
	},
	{
		line: `^PREFETCHT0 `, what: `.`,
		why: "what is fetched ahead is in no result",
	},
	{
		line: `^CMPQ \w+, \$(16|32)$`, what: `^\$(17|33)`, after: `^CMOVQC[CS]`,
		why: "the lane after the last of the block is in no mask",
	},
}

// equivalent returns the reason why a mutant computes the same bits, or "".
func (s *source) equivalent(m *mutant) string {
	line := strings.TrimSpace(s.lines[m.line])
	before, after := s.neighbour(m, -1), s.neighbour(m, 1)
	for _, e := range equivalences {
		ok := true
		for _, p := range [...][2]string{{e.fn, m.fn.name}, {e.line, line}, {e.what, m.what},
			{e.before, before}, {e.after, after}} {
			ok = ok && regexp.MustCompile(p[0]).MatchString(p[1])
		}
		ok = ok && !lowered(m.what) // never right: it enters a loop with too few elements
		if ok {
			return e.why
		}
	}
	return ""
}

// neighbour returns the instruction before or after the mistake.
func (s *source) neighbour(m *mutant, step int) string {
	for i := m.line + step; i >= m.fn.start && i < m.fn.end; i += step {
		if l := s.lines[i]; strings.HasPrefix(l, "\t") && !strings.HasPrefix(l, "\t//") {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// lowered reports whether the mistake is a smaller number: "$63 for $64".
func lowered(what string) bool {
	var to, from int
	n, _ := fmt.Sscanf(what, "$%d for $%d", &to, &from)
	return n == 2 && to < from && from > 1
}

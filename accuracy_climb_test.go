package kernels

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	kt "kernels/internal/ktest"
)

var (
	climbFlag = flag.Duration("climb", 0,
		"how long TestClimb searches for the worst input of each function and type")
	climbFile = flag.String("climbfile", "",
		"where TestClimb begins, and where it leaves the worst inputs")
	climbSeed = flag.Uint64("climbseed", 1, "the seed of TestClimb")
)

// A climbCase is a function whose worst input is searched for. An input is one slice: the logits,
// followed by the other operands.
type climbCase[T Float] struct {
	name    string
	unit    string
	classes []int
	bound   func(classes int) float64
	climb   func(classes int) kt.Climb[T]
}

// climbClasses are numbers of classes at which a bound changes, or where a mistake in it would
// show.
var climbClasses = []int{2, 3, 4, 5, 8, 10, 16, 17, 26, 32, 33, 64, 65, 97, 100, 128, 129, 1000}

// A climbRow is a row of logits with its references.
type climbRow[T Float] struct {
	ref  kt.RowRef
	wide []float64
}

// climbLimit is the largest absolute value of a logit. It is less than 1024, past which float64 is
// less exact.
const climbLimit = 300

// set sets the row and reports whether all logits are within the limit.
func (c *climbRow[T]) set(x []T) bool {
	if len(c.wide) != len(x) {
		c.wide = make([]float64, len(x))
	}
	for j, v := range x {
		if !(v >= -climbLimit && v <= climbLimit) {
			return false
		}
		c.wide[j] = float64(v)
	}
	c.ref.Set(c.wide)
	return true
}

// startRow fills x with logits of a random ordinary kind.
func startRow[T Float](r *kt.Rand, x []T) {
	kinds := []kt.Kind{kt.Normal, kt.Unit, kt.Wide80, kt.OneLarger, kt.Ties, kt.Shifted, kt.Constant}
	kind := kinds[r.Intn(len(kinds))]
	kt.Fill(r, kind, x, len(x))
	if kind == kt.Constant { // few elements that count
		for j := range x {
			x[j] -= 70
		}
		for range 1 + r.Intn(8) {
			moveRow(r, x)
		}
		x[r.Intn(len(x))] += 70
		for range 8 {
			moveRow(r, x)
		}
		return
	}
	for j := range x {
		x[j] += kt.Gauss[T](r) * 0.25
		if kind == kt.Shifted {
			x[j] /= 4
		}
	}
}

// moveRow moves an element to where it matters in a sum: just above half an ULP of the largest
// exponential, where adding it rounds up by nearly as much, or near the largest, or out of the way.
func moveRow[T Float](r *kt.Rand, x []T) {
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	j := r.Intn(len(x))
	switch r.Intn(4) {
	case 0, 1:
		x[j] = top - T(kt.Pick[T](24, 53)*math.Ln2) + kt.Gauss[T](r)*T(math.Ldexp(1, -r.Intn(12)))
	case 2:
		x[j] = top + kt.Gauss[T](r)
	case 3:
		x[j] = top - 60 - T(r.Intn(8))
	}
}

// A climbRecord is the worst input that was found for a function and a number of classes.
type climbRecord struct {
	Error float64
	Unit  string
	Input []string // hexadecimal, exact
}

// TestClimb searches for the worst input of each function, and fails if an error is above the
// bound. It takes a few thousand steps for each number of classes. With -climb 10m it takes ten
// minutes instead, which all numbers of classes share equally.
func TestClimb(t *testing.T) {
	records := map[string]climbRecord{}
	if *climbFile != "" {
		var err error
		records, err = readRecords(*climbFile)
		require.NoError(t, err)
	}
	t.Run("float32", func(t *testing.T) { climbType[float32](t, records) })
	t.Run("float64", func(t *testing.T) { climbType[float64](t, records) })
}

func climbType[T Float](t *testing.T, records map[string]climbRecord) {
	for _, c := range climbCases[T](t) {
		t.Run(c.name, func(t *testing.T) {
			worst, at := -1.0, 0
			for i, classes := range c.classes {
				if *climbFlag == 0 && testing.Short() && i%5 != 0 {
					continue
				}
				key := fmt.Sprintf("%s/%s/%d", c.name, kt.TypeName[T](), classes)
				x, err := c.search(records[key], classes)
				unit := "ULP"
				if c.unit == "u" {
					unit = fmt.Sprintf("* %g", roundoff[T]())
				}
				if *climbFlag != 0 {
					t.Logf("%4d classes: %.3f %s, bound %.3f", classes, err, unit, c.bound(classes))
				}
				records[key] = climbRecord{err, c.unit, hexadecimal(x)}
				if *climbFile != "" { // now, in case the search is stopped
					require.NoError(t, writeRecords(*climbFile, records))
				}
				if err > worst {
					worst, at = err, classes
				}
				require.LessOrEqual(t, err, c.bound(classes), "%d classes, %v", classes, hexadecimal(x))
			}
			t.Logf("largest seen: %.3f %s, at %d classes", worst, c.unit, at)
		})
	}
}

// readRecords returns the records in a file, and none if there is no file yet.
func readRecords(name string) (records map[string]climbRecord, err error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]climbRecord{}, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &records)
	}
	return records, err
}

func writeRecords(name string, records map[string]climbRecord) error {
	data, err := json.MarshalIndent(records, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o666)
}

// worstRecords returns for each function and type the record with the largest error, and the
// largest of at most 5 classes.
func worstRecords(records map[string]climbRecord) map[string]climbRecord {
	all, few := map[string]string{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(records)) {
		i := strings.LastIndexByte(key, '/')
		function, classes := key[:i], key[i+1:]
		larger := func(worst map[string]string) {
			if old, ok := worst[function]; !ok || records[key].Error > records[old].Error {
				worst[function] = key
			}
		}
		larger(all)
		if n, _ := strconv.Atoi(classes); n <= 5 {
			larger(few)
		}
	}
	worst := map[string]climbRecord{}
	for _, keys := range []map[string]string{all, few} {
		for _, key := range keys {
			worst[key] = records[key]
		}
	}
	return worst
}

// input returns the values of a record.
func (r *climbRecord) input() []float64 {
	x := make([]float64, len(r.Input))
	for i, s := range r.Input {
		x[i], _ = strconv.ParseFloat(s, 64)
	}
	return x
}

// TestClimbRecords checks the errors of the worst inputs that long climbs have found: for each
// function and type the worst of all, and the worst of at most 5 classes. The documentation gives
// them as the largest errors seen. With -update it rewrites the errors, after bits have changed;
// with -update and -climbfile it also takes over the worst inputs of that file.
func TestClimbRecords(t *testing.T) {
	records, err := readRecords(climbRecords)
	require.NoError(t, err)
	if updating() && *climbFile != "" {
		found, err := readRecords(*climbFile)
		require.NoError(t, err)
		for key, r := range records {
			if f, ok := found[key]; !ok || r.Error > f.Error {
				found[key] = r
			}
		}
		records = worstRecords(found)
	}
	seen := map[string]bool{}
	climbRecordsOf[float32](t, records, seen)
	climbRecordsOf[float64](t, records, seen)
	for key := range records {
		require.True(t, seen[key], "%s is of no function", key)
	}
	if updating() {
		require.NoError(t, writeRecords(climbRecords, records))
	}
}

// TestDocumentedErrors checks every number that a doc comment or ACCURACY.md calls the largest
// error seen. Each has to be the error of one of the worst inputs: in a function's comment of that
// function, with a number of classes of as many. The worst of each function and type has to be
// among them.
func TestDocumentedErrors(t *testing.T) {
	records, err := readRecords(climbRecords)
	require.NoError(t, err)
	known, worst := map[string]bool{}, map[string]float64{}
	for key, r := range records {
		slash := strings.LastIndex(key, "/")
		function, classes := key[:slash], key[slash+1:]
		// one sentence is for both
		function = strings.Replace(function, "GradWith, PosWeight",
			"Grad, targets in [0, 1]", 1)
		name := function[:strings.IndexAny(function, ",/")]
		for _, of := range []string{"", name, strings.TrimSuffix(name, "With")} {
			known[fmt.Sprintf("%s %.2f", of, r.Error)] = true
			known[fmt.Sprintf("%s %.2f (%s classes)", of, r.Error, classes)] = true
		}
		worst[function] = max(worst[function], r.Error)
	}

	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	number := regexp.MustCompile(`([0-9]+\.[0-9]+)` +
		`(?:(?:\*2\^-[0-9]+| ULP)(?: of log1p\(rest\))?( \([0-9]+ classes\)))?`)
	comment := regexp.MustCompile(`(?m)((?:^//.*\n)+)(?:func (\w+))?`)
	documented, functions := map[string]bool{}, 0
	check := func(file, function, seen string) {
		for _, m := range number.FindAllStringSubmatch(seen, -1) {
			n, classes := m[1], m[2]
			if len(n)-strings.IndexByte(n, '.') != 3 {
				continue // an input, a bound, or a number of classes
			}
			require.True(t, known[function+" "+n+classes], "%s: %s %s%s is no error in %s", file,
				function, n, classes, climbRecords)
			documented[function+" "+n] = true
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines := strings.ReplaceAll(string(text), "\r\n", "\n")
		for _, c := range comment.FindAllStringSubmatch(lines, -1) {
			for _, paragraph := range strings.Split(c[1], "\n//\n") {
				paragraph = strings.ReplaceAll(paragraph, "\n// ", " ")
				if _, seen, ok := strings.Cut(paragraph, "largest seen"); ok {
					check(file, c[2], seen)
					if c[2] != "" {
						functions++
					}
				}
			}
		}
	}
	require.Greater(t, functions, 15)
	text, err := os.ReadFile("ACCURACY.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "| kernel | bound | largest seen |")
	require.True(t, ok)
	for _, row := range strings.Split(table, "\n") {
		if cells := strings.Split(row, " | "); len(cells) > 3 {
			check("ACCURACY.md", "", cells[2])
		}
	}
	for function, e := range worst {
		switch {
		case strings.Contains(function, "With, weights"):
			continue // the documentation of options says what they add to a bound
		case function == "SigmoidCrossEntropy/float32" || function == "SigmoidCrossEntropyGrad/float32":
			continue // all inputs have been walked: the bound is the largest error
		}
		name := strings.TrimSuffix(function[:strings.IndexAny(function, ",/")], "With")
		if strings.HasPrefix(name, "Shard") {
			name = "" // in the comment of the type
		}
		require.True(t, documented[fmt.Sprintf("%s %.2f", name, e)], "%s: %.2f is not in the documentation",
			function, e)
	}
}

// updating reports whether -update, TestGolden's flag, is set.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

var climbRecords = filepath.Join("testdata", "climb.json")

func climbRecordsOf[T Float](t *testing.T, records map[string]climbRecord, seen map[string]bool) {
	for _, c := range climbCases[T](t) {
		n := 0
		for _, classes := range c.classes {
			key := fmt.Sprintf("%s/%s/%d", c.name, kt.TypeName[T](), classes)
			r, ok := records[key]
			if !ok {
				continue
			}
			n++
			seen[key] = true
			climb := c.climb(classes)
			x := make([]T, 0, climb.Len)
			for _, v := range r.input() {
				x = append(x, T(v))
			}
			require.Len(t, x, climb.Len, key)
			err := climb.Error(x)
			require.LessOrEqual(t, err, c.bound(classes), key)
			if updating() {
				r.Error = err
				records[key] = r
			}
			require.InDelta(t, r.Error, err, 1e-6, key)
		}
		require.True(t, n > 0 || updating(), "no record of %s, %s", c.name, kt.TypeName[T]())
	}
}

// search climbs, beginning with the input that was found before.
func (c *climbCase[T]) search(from climbRecord, classes int) (x []T, err float64) {
	climb, steps := c.climb(classes), 0
	if len(from.Input) == climb.Len {
		for _, v := range from.input() {
			climb.Best = append(climb.Best, T(v))
		}
	}
	end := kt.CPUTime() + *climbFlag/time.Duration(len(c.classes))
	more := func() bool {
		steps++
		if *climbFlag == 0 {
			if classes == 1 { // a function of one element
				return steps < pickLong(40000, 4000)
			}
			return steps < pickLong(60000, 6000)/(10+classes)
		}
		return steps%32 != 0 || kt.CPUTime() < end
	}
	return climb.Run(kt.NewRand(*climbSeed*1000+uint64(classes)), more)
}

func hexadecimal[T Float](x []T) (s []string) {
	for _, v := range x {
		s = append(s, strconv.FormatFloat(float64(v), 'x', -1, 64))
	}
	return s
}

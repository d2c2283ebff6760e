package main

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"kernels/internal/isa"
)

// report runs the command for a moment and returns what it printed and the page.
func report(t *testing.T, live bool, args ...string) (printed, page string) {
	t.Helper()
	out, file := new(strings.Builder), filepath.Join(t.TempDir(), "report.html")
	args = append([]string{"-time", "1ms", "-o", file}, args...)
	require.NoError(t, run(args, &printer{w: out, live: live}))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return out.String(), string(data)
}

func TestReport(t *testing.T) {
	printed, page := report(t, false, "-run", "^(ReLU|Softmax|MatMul)$")
	assert.NotContains(t, printed, "\x1b", "a file gets plain lines")
	assert.NotContains(t, page, "<script")
	assert.NotRegexp(t, `(src|href)=`, page, "the page stands alone")
	for _, name := range []string{"ReLU", "Softmax", "MatMul"} {
		assert.Contains(t, printed, "\n"+name+" ")
		assert.Contains(t, page, `<span class="name">`+name+"</span>")
	}
	assert.Equal(t, 3, strings.Count(printed, "\nSoftmax "), "once for each number of classes")
	for _, name := range isa.Available() {
		assert.Contains(t, page, name+", ns/element")
	}
	for _, line := range strings.Split(printed, "\n") {
		if !strings.Contains(line, "report.html") {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
		}
	}
}

// TestAll checks that -all measures what stands in the table of functions and is left out without.
func TestAll(t *testing.T) {
	const pattern = "^(ReLU|SoftmaxWith|ShardMax)$"
	printed, _ := report(t, false, "-run", pattern)
	assert.NotContains(t, printed, "SoftmaxWith")
	printed, page := report(t, false, "-run", pattern, "-all")
	for _, name := range []string{"SoftmaxWith", "ShardMax"} {
		assert.Contains(t, printed, "\n"+name+" ")
		assert.Contains(t, page, name)
	}
	assert.NotContains(t, page, "NaN")
	assert.NotContains(t, page, "Inf")
}

func TestProgress(t *testing.T) {
	printed, _ := report(t, true, "-run", "^ReLU$")
	assert.Contains(t, printed, "1 of 2: ReLU float64\r\x1b[K")
}

func TestBadArguments(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing", "page.html")
	for want, args := range map[string][]string{
		"not positive":       {"-time", "-1s"},
		"missing closing":    {"-run", "("},
		"no kernel":          {"-run", "nothing", "-o", ""},
		`argument "Softmax"`: {"Softmax"},
		"no such file":       {"-run", "ReLU", "-o", missing},
		"wrong usage":        {"-nonsense"},
	} {
		err := run(args, &printer{w: new(strings.Builder)})
		assert.ErrorContains(t, err, want)
	}
}

func TestBar(t *testing.T) {
	assert.Equal(t, "░░░░", bar(0, 4))
	assert.Equal(t, "██░░", bar(0.5, 4))
	assert.Equal(t, "██▌░", bar(0.625, 4))
	assert.Equal(t, "████", bar(7, 4))
}

// TestPage looks at the page in Chromium, on a telephone and on a desk, light and dark: nothing is
// wider than the screen, no text is cut off or over another, and all of it stands out from its
// background.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	browser, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("KERNELS_REQUIRE_CHROMIUM") == "" {
		t.Skip("no chromium")
	}
	require.NoError(t, err)
	_, page := report(t, false, "-run", "^(ReLU|Sigmoid.*|Softmax|MatMul.*)$", "-all")
	page = strings.ReplaceAll(page, "<details>", "<details open>")
	for _, dark := range []bool{false, true} {
		for _, width := range []int{400, 1280} {
			t.Run(fmt.Sprintf("dark=%t/%d", dark, width), func(t *testing.T) {
				see(t, browser, page, width, dark)
			})
		}
	}
}

// look measures a page in a frame of some width, because a window of Chromium has a least width.
const look = `<!doctype html><title>look</title><iframe srcdoc="%s" style="width:%dpx;height:900px;border:0"></iframe>
<script>
onload = () => {
	const doc = document.querySelector("iframe").contentDocument, root = doc.documentElement
	const style = e => doc.defaultView.getComputedStyle(e)
	const texts = [...doc.querySelectorAll("h1, h2, h3, p, li, summary, .name, .figure, text")]
	const box = e => e.getBoundingClientRect()
	const bad = []
	for (const e of texts) {
		const b = box(e)
		if (b.left < 0 || b.right > root.clientWidth + 1) bad.push("outside: " + e.textContent)
		if (e.scrollWidth > e.clientWidth + 1 && style(e).display !== "inline")
			bad.push("cut off: " + e.textContent)
	}
	for (const row of doc.querySelectorAll(".row")) {
		const parts = [...row.children].map(box)
		parts.forEach((a, i) => parts.slice(i + 1).forEach(b => {
			if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
				bad.push("one over the other: " + row.textContent)
		}))
	}
	const light = c => c.match(/[\d.]+/g).slice(0, 3).map(Number).map(v => v / 255)
		.map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0)
	const back = light(style(doc.body).backgroundColor)
	for (const e of texts) {
		const ink = light(e.tagName === "text" ? style(e).fill : style(e).color)
		const contrast = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05)
		if (contrast < 4.5) bad.push("contrast " + contrast + ": " + e.textContent)
	}
	document.title = JSON.stringify({Wide: root.scrollWidth, Texts: texts.length, Back: back, Bad: bad})
}
</script>`

var title = regexp.MustCompile(`<title>(\{.*\})</title>`)

func see(t *testing.T, browser, page string, width int, dark bool) {
	file := filepath.Join(t.TempDir(), "look.html")
	frame := fmt.Sprintf(look, html.EscapeString(page), width)
	require.NoError(t, os.WriteFile(file, []byte(frame), 0o600))
	scheme := 1
	if dark {
		scheme = 0
	}
	cmd := exec.Command(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
		fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme),
		"--user-data-dir="+t.TempDir(), "file://"+file)
	dom, err := cmd.Output()
	require.NoError(t, err)
	found := title.FindSubmatch(dom)
	require.NotNil(t, found, "the page did not load: %s", dom[:min(len(dom), 300)])
	var seen struct {
		Wide, Texts int
		Back        float64
		Bad         []string
	}
	require.NoError(t, json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &seen))
	assert.LessOrEqual(t, seen.Wide, width)
	assert.Greater(t, seen.Texts, 50)
	assert.Equal(t, dark, seen.Back < 0.2, "the background's luminance is %g", seen.Back)
	assert.Empty(t, seen.Bad)
}

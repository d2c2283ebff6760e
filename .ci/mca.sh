#!/bin/bash
# mca.sh BINARY SYMBOL CPU [-v] [-l START:END]   static throughput of a function's innermost loops, by llvm-mca.
#
#   go test -c -o k.test . && .ci/mca.sh k.test kernels.sigmoidF32AVX2 znver4
#   GOARCH=arm64 go test -c -o k.test . && .ci/mca.sh k.test kernels.sigmoidF32NEON neoverse-v2
#
#   BINARY  ELF made by go build or go test -c, amd64 or arm64, not stripped (no -ldflags=-s)
#   SYMBOL  Go symbol; the suffix .abi0 is found by itself
#   CPU     amd64: znver3 znver4 haswell skylake-avx512 icelake-server sapphirerapids ...
#           arm64: neoverse-n1 neoverse-v1 neoverse-v2 apple-m1 cortex-a72 ...
#   -v      also print llvm-mca's whole report of the hot loop (ports, stalls)
#   -l      take the loop at that address range (hexadecimal: first and last instruction) instead
#
# For each innermost loop that ends in a backward branch: address range, instructions, block reciprocal throughput
# (cycles per turn, the resource bound) and the simulated cycles per turn of 1000 turns (with dependencies).
# The hot loop is taken to be the innermost loop with the most instructions (marked *).
# Environment: LLVM_SUFFIX of the LLVM tools (default -19).
# Needs: apt-get install -y --no-install-recommends llvm-19 python3-minimal
exec python3 - "$@" <<'PY'
import sys, re, subprocess, os
a = sys.argv[1:]
verbose = '-v' in a
if verbose: a.remove('-v')
rng = None
if '-l' in a:
    i = a.index('-l'); rng = [int(x, 16) for x in a[i+1].split(':')]; del a[i:i+2]
if len(a) != 3: sys.exit('usage: mca.sh BINARY SYMBOL CPU [-v] [-l START:END]')
binary, sym, cpu = a
L = os.environ.get('LLVM_SUFFIX', '-19')
head = open(binary, 'rb').read(20)
if head[:4] != b'\x7fELF': sys.exit('not an ELF file')
arm = head[18] == 0xb7
triple = 'aarch64-linux-gnu' if arm else 'x86_64-linux-gnu'
# find the symbol
nm = subprocess.run(['llvm-nm'+L, binary], capture_output=True, text=True).stdout
names = [l.split(None, 2)[2] for l in nm.splitlines() if re.match(r'^[0-9a-f]+ [tT] ', l)]
c = [n for n in names if n == sym+'.abi0'] or [n for n in names if n == sym] or [n for n in names if n.endswith(sym+'.abi0') or n.endswith(sym)]
if not c: sys.exit('no symbol like %s' % sym)
name = c[0]
# symbolize nothing: plain addresses in branch targets
out = subprocess.run(['llvm-objdump'+L, '-d', '--no-show-raw-insn', '--disassemble-symbols='+name] +
    (['--mattr=+all'] if arm else ['-M', 'att']) + [binary], capture_output=True, text=True).stdout
ins = []
for l in out.splitlines():
    m = re.match(r'^\s*([0-9a-f]+):\s+(.*)$', l)
    if m:
        t = re.sub(r'\s*(<[^>]*>|//.*|# .*)$', '', m.group(2)).strip()
        t = re.sub(r'\s*<[^>]*>', '', t)
        ins.append((int(m.group(1), 16), t))
if not ins: sys.exit('nothing disassembled for %s' % name)
br = re.compile(r'^(b|b\.\w+|cbz|cbnz|tbz|tbnz)\s.*?(0x[0-9a-f]+)$' if arm else r'^(j\w+|loop\w*)\s+(0x[0-9a-f]+)$')
addrs = {x: i for i, (x, _) in enumerate(ins)}
loops = []
for i, (x, t) in enumerate(ins):
    m = br.match(t)
    if m:
        to = int(m.group(2), 16)
        if to <= x and to in addrs: loops.append((addrs[to], i))
if rng: loops = [(addrs[rng[0]], addrs[rng[1]])]
# merge loops with one head (several continue branches), then keep those which contain no other
h = {}
for s, e in loops: h[s] = max(e, h.get(s, e))
loops = sorted(h.items())
inner = [l for l in loops if not any(o != l and l[0] <= o[0] and o[1] <= l[1] for o in loops)]
if not inner: sys.exit('%s has no loop' % name)
hot = max(inner, key=lambda l: l[1]-l[0])
print('%s %s %s' % (os.path.basename(binary), name, cpu))
rep = ''
for s, e in inner:
    body = [t for x, t in ins[s:e+1]]
    calls = [t for t in body if re.match(r'(call|bl|blr)\b', t)]
    body2 = []
    for t in body:
        m = br.match(t)
        if m:  # branches: local label, never out of the block
            t = t[:t.rindex(m.group(2))] + '.Lend'
        t = re.sub(r'(-?0x[0-9a-f]+)?\(%rip\)', '8(%rip)', t) if not arm else t
        body2.append(t)
    asm = '.text\n' + '\n'.join(body2) + '\n.Lend:\n'
    r = subprocess.run(['llvm-mca'+L, '-mtriple='+triple, '-mcpu='+cpu, '-iterations=1000'] +
        ['-skip-unsupported-instructions=any' if L > '-19' else '-resource-pressure=true'], input=asm, capture_output=True, text=True)
    if r.returncode: print('  %x-%x: llvm-mca: %s' % (ins[s][0], ins[e][0], r.stderr.strip()[:400])); continue
    g = lambda k: float(re.search(k + r':\s+([0-9.]+)', r.stdout).group(1))
    print(' %s loop %x-%x: %d instructions, %d uops; block rthroughput %.2f cycles/iteration; simulated %.2f cycles/iteration (IPC %.2f)%s' % (
        '*' if (s, e) == hot else ' ', ins[s][0], ins[e][0], len(body), int(g('Total uOps')/1000), g('Block RThroughput'), g('Total Cycles')/1000, g('IPC'), '  CONTAINS CALLS' if calls else ''))
    if (s, e) == hot: rep = r.stdout
if verbose: print(rep)
PY

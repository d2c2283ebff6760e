#!/bin/bash
# avx512-run.sh BINARY [ARGS...]   runs a static linux/amd64 program on an emulated AVX-512 CPU.
#
#   CGO_ENABLED=0 go test -c -ldflags='-s -w' -o k.test . && .ci/avx512-run.sh k.test -test.short -test.v
#   CGO_ENABLED=0 go test -exec "$PWD/.ci/avx512-run.sh" ./internal/isa
#
# Boots Debian's kernel in Debian's Bochs with BINARY as the only process, streams its stdout and stderr and returns
# its exit status. A boot takes about 20 s, a program runs about 200 times slower than on the machine itself.
#
# Exit status: that of BINARY; 124 past the time limit; 125 when something is missing or the boot failed.
# Environment:
#   AVX512_CPU      Bochs model: corei7_skylake_x (default: F CD DQ BW VL), corei7_icelake_u, tigerlake (also VBMI, VNNI,
#                   BITALG ...), or any 64-bit model without AVX-512: corei7_haswell_4770 (AVX2), corei5_lynnfield_750 (SSE4.2)
#   AVX512_TIMEOUT  seconds of wall clock for everything (default 900)
#   AVX512_MEM      guest memory in MiB (default 512)
#   AVX512_ENV      names of the environment variables handed to BINARY where set (default: GODEBUG GOGC GOMAXPROCS
#                   GOTRACEBACK and all that begin with KERNELS_)
#   AVX512_FILES    files and folders, relative, that are copied into the guest's working directory (default: testdata)
#   AVX512_CACHE    folder that keeps the kernel (default ~/.cache/avx512-run)
#   AVX512_VERBOSE  1: the kernel's messages and the times of the phases, on stderr
#   AVX512_KEEP     1: keep the working folder (boot image, Bochs's log, console)
# Needs (Debian 12 on amd64; no root at run time):
#   apt-get install -y --no-install-recommends bochs bochs-term bochsbios vgabios busybox-static \
#       grub-pc-bin grub-common xorriso
# and, once, `apt-get download` of the package behind linux-image-cloud-amd64, which is unpacked, not installed.
# With no BINARY but --fetch it only makes sure that the kernel is in the cache.
set -u

fail() {
	echo "avx512-run: $*" >&2
	exit 125
}
since() { echo $((($(date +%s%N) - started) / 1000000)); }

[ $# -ge 1 ] || fail "usage: avx512-run.sh BINARY [ARGS...]"
started=$(date +%s%N)
cpu=${AVX512_CPU:-corei7_skylake_x}
limit=${AVX512_TIMEOUT:-900}
mem=${AVX512_MEM:-512}
verbose=${AVX512_VERBOSE:-0}
cache=${AVX512_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/avx512-run}

missing=
for c in bochs-bin:bochs grub-mkrescue:grub-common xorriso:xorriso busybox:busybox-static script:bsdutils; do
	command -v "${c%%:*}" >/dev/null || missing="$missing ${c##*:}"
done
compgen -G '/usr/lib/*/bochs/plugins/libbx_term_gui.so' >/dev/null || missing="$missing bochs-term"
[ -f /usr/share/bochs/BIOS-bochs-latest ] || missing="$missing bochsbios"
[ -f /usr/share/bochs/VGABIOS-lgpl-latest ] || missing="$missing vgabios"
[ -d /usr/lib/grub/i386-pc ] || missing="$missing grub-pc-bin"
[ -z "$missing" ] || fail "missing packages; run: apt-get install -y --no-install-recommends$missing"

# --- once: the kernel, into the cache ---------------------------------------------------------------------------------
fetch_kernel() {
	local dir pkg
	[ ! -f "$cache/vmlinuz" ] || return 0
	mkdir -p "$cache" || fail "cannot make $cache"
	dir=$(mktemp -d "$cache/setup.XXXXXX") || fail "mktemp"
	pkg=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image-/{print $2; exit}')
	[ -n "$pkg" ] || fail "no kernel to boot: apt knows no linux-image-cloud-amd64; run apt-get update"
	(cd "$dir" && apt-get download "$pkg" >apt.log 2>&1) || {
		cat "$dir/apt.log" >&2
		rm -rf "$dir"
		fail "no kernel to boot: apt-get download $pkg failed"
	}
	dpkg-deb -x "$dir"/*.deb "$dir/x" || fail "dpkg-deb cannot unpack $pkg"
	{ cp "$dir"/x/boot/vmlinuz-* "$dir/vmlinuz" && mv "$dir/vmlinuz" "$cache/vmlinuz"; } || fail "no vmlinuz in $pkg"
	rm -rf "$dir"
}
fetch_kernel
[ "$1" != --fetch ] || exit 0
binary=$1
shift
[ -f "$binary" ] || fail "no file $binary"

# --- the working folder: initrd, boot image, Bochs's configuration ----------------------------------------------------
work=$(mktemp -d "${TMPDIR:-/tmp}/avx512.XXXXXX") || fail "mktemp"
script_pid='' drain_pid=''
cleanup() {
	[ -n "$drain_pid" ] && kill "$drain_pid" 2>/dev/null
	[ -s "$work/pid" ] && kill -KILL "$(cat "$work/pid")" 2>/dev/null
	[ -n "$script_pid" ] && {
		kill "$script_pid" 2>/dev/null
		wait "$script_pid" 2>/dev/null
	}
	if [ "${AVX512_KEEP:-0}" = 1 ]; then echo "avx512-run: kept $work" >&2; else rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

tag=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ') # so that nothing BINARY prints can look like our marks
mkdir -p "$work/root/bin" "$work/root/work" "$work/iso/boot/grub"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$binary" "$work/root/work/prog"
chmod 755 "$work/root/work/prog"
for f in ${AVX512_FILES-testdata}; do
	[ ! -e "$f" ] || cp -r --parents "$f" "$work/root/work/"
done
{
	echo '#!/bin/busybox sh'
	for v in ${AVX512_ENV-GODEBUG GOGC GOMAXPROCS GOTRACEBACK ${!KERNELS_@}}; do
		[ -z "${!v+x}" ] || printf 'export %s=%q\n' "$v" "${!v}"
	done
	echo 'export HOME=/tmp TMPDIR=/tmp PATH=/bin; cd /work'
	printf 'exec ./prog'
	for a in "$@"; do printf " '%s'" "${a//\'/\'\\\'\'}"; done
	echo
} >"$work/root/run"
cat >"$work/root/init" <<EOI
#!/bin/busybox sh
b=/bin/busybox
\$b mkdir -p /proc /sys /dev /tmp
\$b mount -t proc proc /proc; \$b mount -t sysfs sys /sys; \$b mount -t devtmpfs dev /dev
\$b stty -F /dev/ttyS0 -opost -echo raw
exec </dev/null >/dev/ttyS0 2>&1
echo "@@BEGIN $tag"
\$b sh /run
echo "@@EXIT $tag \$?"
\$b sleep 1000000
EOI
chmod 755 "$work/root/init"
(cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/iso/boot/initrd" || fail "cpio"
ln "$cache/vmlinuz" "$work/iso/boot/vmlinuz" 2>/dev/null || cp "$cache/vmlinuz" "$work/iso/boot/vmlinuz"

# pku,xsaves,xsavec: Bochs 2.7 gives sizes for the compacted XSAVE area that Linux rejects (it then turns AVX off).
# tsc_early_khz = ips/1000: Bochs's TSC counts instructions while CPUID says 3.5 GHz; without it delays take 175 times too long.
clear=pku,xsaves,xsavec
kargs="console=ttyS0,115200 panic=-1 mitigations=off nokaslr tsc_early_khz=20000 tsc=reliable no_timer_check lpj=40000"
kargs="$kargs random.trust_cpu=on audit=0 nowatchdog nmi_watchdog=0 rcupdate.rcu_expedited=1 cryptomgr.notests lsm= lapic=notscdeadline"
case $cpu in
corei7_icelake_u | tigerlake) # without these the kernel hangs early under Bochs 2.7; user space still sees the CPUID bits
	clear="$clear,umip,rdpid,sha_ni,gfni,vaes,fsrm,avx512ifma,split_lock_detect"
	kargs="$kargs split_lock_detect=off no5lvl nopcid"
	;;
esac
if [ "$verbose" = 1 ]; then kargs="$kargs loglevel=7"; else kargs="$kargs quiet loglevel=1"; fi
cat >"$work/iso/boot/grub/grub.cfg" <<EOI
set timeout=0
linux /boot/vmlinuz $kargs clearcpuid=$clear
initrd /boot/initrd
boot
EOI
grub-mkrescue -d /usr/lib/grub/i386-pc -o "$work/boot.iso" "$work/iso" >"$work/mkrescue.log" 2>&1 || {
	cat "$work/mkrescue.log" >&2
	fail "grub-mkrescue"
}
cat >"$work/bochsrc" <<EOI
display_library: term
cpu: model=$cpu, count=1:1:1, ips=20000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest=$mem, host=$mem
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
log: $work/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
clock: sync=none, time0=local
EOI
printf 'c\nq\n' >"$work/dbg.rc" # Debian's Bochs has the debugger built in: continue; quit at a panic
: >"$work/serial"
# the term display needs a terminal: script(1) makes one
TERM=xterm script -qec "echo \$\$ >$work/pid; exec bochs-bin -q -f $work/bochsrc -rc $work/dbg.rc" /dev/null \
	</dev/null >"$work/term.out" 2>&1 &
script_pid=$!

# --- stream the console between the two marks -------------------------------------------------------------------------
end=$(($(date +%s) + limit)) pos=0 begun=0
from() { tail -c +$(($1 + 1)) "$work/serial"; } # the console from byte $1 on
while :; do
	alive=1
	kill -0 "$script_pid" 2>/dev/null || alive=0
	# Bochs draws the guest's screen on a terminal of its own. Somebody has to read it: once its buffer is full, after
	# some minutes, Bochs waits for ever.
	if [ -z "$drain_pid" ]; then
		screen=$(grep -aom1 '/dev/pts/[0-9]*' "$work/term.out")
		if [ -c "$screen" ]; then
			stty -F "$screen" raw -echo
			cat "$screen" >"$work/screen" 2>/dev/null &
			drain_pid=$!
		fi
	fi
	if [ $begun = 0 ]; then
		off=$(grep -abom1 "@@BEGIN $tag" "$work/serial" | head -1 | cut -d: -f1)
		if [ -n "$off" ]; then
			n=$(from "$off" | head -n 1 | wc -c)
			if [ "$(from $((off + n - 1)) | head -c 1 | od -An -tx1 | tr -d ' ')" = 0a ]; then
				begun=1 pos=$((off + n))
				[ "$verbose" != 1 ] || {
					head -c "$pos" "$work/serial"
					echo "avx512-run: booted after $(since) ms"
				} >&2
			fi
		fi
	fi
	if [ $begun = 1 ]; then
		# only whole lines, but the mark may follow an unfinished line
		size=$(stat -c %s "$work/serial")
		off=$(from "$pos" | grep -abo "@@EXIT $tag [0-9][0-9]*" | head -1)
		if [ -n "$off" ]; then
			rc=${off##* } off=${off%%:*}
			from "$pos" | head -c "$off"
			[ "$verbose" != 1 ] || echo "avx512-run: exit $rc after $(since) ms" >&2
			exit "$rc"
		fi
		nl=$(from "$pos" | head -c $((size - pos)) | tr -cd '\n' | wc -c)
		if [ "$nl" -gt 0 ]; then
			n=$(from "$pos" | head -n "$nl" | wc -c)
			from "$pos" | head -c "$n"
			pos=$((pos + n))
		fi
	fi
	if [ $alive = 0 ]; then
		echo "avx512-run: Bochs ended early" >&2
		tail -n 3 "$work/bochs.log" >&2
		tail -c 1500 "$work/serial" >&2
		exit 125
	fi
	if [ "$(date +%s)" -ge "$end" ]; then
		echo "avx512-run: time limit of $limit s ($([ $begun = 1 ] && echo running || echo still booting))" >&2
		[ $begun = 1 ] || tail -c 1500 "$work/serial" >&2
		exit 124
	fi
	sleep "$([ $begun = 1 ] && echo 0.5 || echo 1)"
done

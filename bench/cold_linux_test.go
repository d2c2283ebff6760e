package bench

import "golang.org/x/sys/unix"

const adviceNoHugePages = unix.MADV_NOHUGEPAGE

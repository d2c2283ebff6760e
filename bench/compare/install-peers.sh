#!/bin/sh
# Installs what `-tags peers` and the PyTorch peer need, on Debian or Ubuntu. glibc's libmvec comes with the compiler.
set -eu
apt-get update -q
apt-get install -y --no-install-recommends gcc libc6-dev \
	libxnnpack-dev libpthreadpool-dev libcpuinfo-dev libdnnl-dev libgomp1 libsleef-dev libopenblas0-pthread python3-torch python3-numpy

# SPDX-License-Identifier: Apache-2.0
# The developer's entry points. Each works as the only command on a bare Debian 12 or 13:
# tools/setup installs what is missing and says so.

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)

.PHONY: help demo test bench fuzz lint format install release dev interop clean

help:
	@echo "make demo      build and watch the whole story on this machine"
	@echo "make test      build with sanitizers and run every test"
	@echo "make interop   the same facts, checked by outside implementations"
	@echo "make bench     measure, and print ratios to the raw primitives"
	@echo "make fuzz      fuzz every parser for FUZZ_SECONDS=$(FUZZ_SECONDS) each"
	@echo "make lint      clang-format, clang-tidy, coroutine check"
	@echo "make install   PREFIX=$(PREFIX)"

demo: release
	@build/release/apps/cofferdam demo

release:
	@tools/setup build
	@tools/build release

dev:
	@tools/setup build test
	@tools/build dev

test: release dev
	@ctest --preset dev --parallel $(JOBS)

interop: release
	@tools/setup interop
	@tools/interop

bench: release
	@tools/setup bench
	@tools/build release bench
	@tools/bench

fuzz:
	@tools/setup build
	@tools/build fuzz
	@tools/fuzz $(FUZZ_SECONDS)

lint:
	@tools/setup build test lint
	@tools/lint

format:
	@git ls-files '*.h' '*.cc' | xargs clang-format-19 -i

install: release
	@cmake --install build/release --prefix "$(PREFIX)"

clean:
	rm -rf build/dev build/release build/tsan build/gcc build/fuzz

# The two commands are `make run` and `make check`; see README.md.
BUILD ?= build

.PHONY: all setup run check install asan clang storm proof mutants fuzz bench clean format

all: setup
	@tools/build $(BUILD)

setup:
	@tools/setup

run: setup
	@tools/build $(BUILD) for-run
	@tools/run $(BUILD)

check: setup
	@tools/check

install: setup
	@tools/build $(BUILD) for-install
	@meson install -C $(BUILD) --no-rebuild --quiet

asan: setup
	@CC=clang tools/build $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false

clang: setup
	@CC=clang tools/build $(BUILD)-clang

storm: all
	@tests/storm/run $(BUILD) --seconds 3600

# What can be counted is tried out whole.
proof: all
	@tests/proof/run $(BUILD)

# Whether the tests see mistakes.
mutants: all
	@tests/proof/run $(BUILD) mutants

fuzz: setup
	@FUZZ_SECONDS=$(or $(SECONDS),60) tests/fuzz/run

bench: all
	@bench/run $(BUILD)

format:
	@tools/format

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-fuzz

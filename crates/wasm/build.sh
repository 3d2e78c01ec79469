#!/usr/bin/env bash
# Builds the WebAssembly modules into crates/wasm/built. `make wasm` calls it when a source is newer.
#
# The compiler: rustup's, with the target that rustup brings; where rustup cannot bring it, Debian's rustc-web, cargo-web and
# rust-web-src, which can build the standard library for it (apt-get install rustc-web cargo-web rust-web-src lld).
# wasm-bindgen is that of Cargo.lock, wasm-opt that of tools/package-lock.json; both are kept below ~/.cache/millwright.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=wasm32-unknown-unknown
kept=${XDG_CACHE_HOME:-$HOME/.cache}/millwright
built=crates/wasm/built
# A folder of its own: another compiler's work would be thrown away each time.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/wasm
# wasm-bindgen reads from the module what its compiler may use; wasm-opt strips it afterwards.
export CARGO_PROFILE_STEP_STRIP=none
wanted=(rustc --profile step --locked -p millwright-wasm --lib --crate-type cdylib --target "$target")

say() { echo "wasm: $*" >&2; }

compile() {
    if command -v rustup > /dev/null && timeout 300 rustup --quiet target add "$target"; then
        cargo "${wanted[@]}"
    elif [ -d "$(/usr/bin/rustc --print sysroot 2> /dev/null)/lib/rustlib/src/rust/library" ]; then
        say "rustup has no $target: Debian's compiler builds the standard library for it"
        compile_with_debian
    else
        say "no compiler for $target: rustup cannot bring it, and Debian's is not installed"
        say "install it: apt-get install rustc-web cargo-web rust-web-src lld"
        return 1
    fi
}

compile_with_debian() {
    local lld
    export CARGO_TARGET_DIR=$CARGO_TARGET_DIR/debian
    lld=$(command -v wasm-ld) || lld=$(rustc --print sysroot)/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin/rust-lld
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$lld \
        /usr/bin/cargo "${wanted[@]}" -Zbuild-std=std,panic_abort
}

# wasm-bindgen of exactly the version in Cargo.lock: the two sides speak a language that changes with each.
bindgen() {
    local version folder
    version=$(awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock)
    folder=$kept/wasm-bindgen-$version
    if [ ! -x "$folder/bin/wasm-bindgen" ]; then
        say "building wasm-bindgen $version into $folder, once; it takes some minutes"
        # Its own lock file names versions that a registry may not have yet.
        in_cache cargo install wasm-bindgen-cli --version "$version" --root "$folder" --locked --quiet ||
            in_cache cargo install wasm-bindgen-cli --version "$version" --root "$folder" --quiet
    fi
    "$folder/bin/wasm-bindgen" "$@"
}

tools() {
    local tools=$kept/wasm-tools
    if ! cmp -s crates/wasm/tools/package-lock.json "$tools/.installed"; then
        say "installing wasm-opt into $tools, once"
        rm -f "$tools/.installed"
        cp crates/wasm/tools/package.json crates/wasm/tools/package-lock.json "$tools"
        npm ci --prefix "$tools" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
        cp crates/wasm/tools/package-lock.json "$tools/.installed"
    fi
    PATH=$tools/node_modules/.bin:$PATH
}

# One module for each step, without what only the others need: a worker reads a module whole each time that it starts.
part() {
    local step=$1 from=$2
    node crates/wasm/tools/exports.mjs "$from" "$step" > "$work/$step.json"
    wasm-metadce "$from" --graph-file "$work/$step.json" -o "$work/$step.part" > "$work/$step.unused"
    wasm-opt -Oz --strip-debug --strip-producers --strip-target-features -o "$work/$step.wasm" "$work/$step.part"
    gzip -9nc "$work/$step.wasm" > "$work/$step.wasm.gz"
    say "$step: $(stat -c %s "$work/$step.wasm.gz") bytes compressed, $(stat -c %s "$work/$step.wasm") not"
}

# A target folder that an earlier try left is used again, and gone once there is a program.
in_cache() { CARGO_TARGET_DIR=$kept/wasm-bindgen-target "$@" && rm -rf "$kept/wasm-bindgen-target"; }

mkdir -p "$kept/wasm-tools"
exec 9> "$kept/wasm-tools/.lock"
flock 9
say "compiling"
compile
work=$CARGO_TARGET_DIR/bindgen
rm -rf "$work"
bindgen --target web --no-typescript --omit-default-module-path --out-dir "$work" "$CARGO_TARGET_DIR/$target/step/millwright_wasm.wasm"
tools
steps=$(node crates/wasm/tools/exports.mjs "$work/millwright_wasm_bg.wasm")
parts=()
for step in $steps; do
    part "$step" "$work/millwright_wasm_bg.wasm" &
    parts+=($!)
done
for one in "${parts[@]}"; do
    wait "$one"
done
rm -f "$built"/*.wasm.gz
mv "$work"/*.wasm.gz "$built"
cp "$work/millwright_wasm.js" "$built/millwright_wasm.js"

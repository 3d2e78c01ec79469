#!/usr/bin/env bash
# Installs the agents of package-lock.json into a folder that survives, once for each version, and prints where they are.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kept=${XDG_CACHE_HOME:-$HOME/.cache}/millwright/agents
mkdir -p "$kept"
exec 9> "$kept/.lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$kept/.installed"; then
    echo "installing the agents into $kept, about 0.9 GB" >&2
    rm -f "$kept/.installed"
    cp "$here/package.json" "$here/package-lock.json" "$kept"
    # Their programs come as they are: no package's own script has to run.
    if ! npm ci --prefix "$kept" --ignore-scripts --no-audit --no-fund --loglevel=error >&2; then
        echo "the agents are not installed: can npm reach its registry, $(npm config get registry 2> /dev/null)?" >&2
        exit 1
    fi
    cp "$here/package-lock.json" "$kept/.installed"
fi
echo "$kept/node_modules"

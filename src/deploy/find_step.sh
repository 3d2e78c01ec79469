# Finds millwright-step: on the PATH in this version, else kept by an earlier job, else fetched from the refs API. What is fetched
# is compared with its SHA-256 before it is executed; it comes under another name first, so that jobs may fetch at once.
find_step() {
  local version=$1 sha256=$2 folder draft
  # `hash` looks along the PATH without a process of its own.
  if hash millwright-step 2> /dev/null; then step=${BASH_CMDS[millwright-step]}; fi
  if [ -n "${step:-}" ] && [ "$("$step" --version 2> /dev/null)" = "$version" ]; then return; fi
  folder=${MILLWRIGHT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/millwright}
  step=$folder/millwright-step-$sha256
  if [ -x "$step" ] && [ -O "$step" ]; then return; fi
  if ! { mkdir -p "$folder" && draft=$(mktemp "$folder/.fetched.XXXXXX"); } 2> /dev/null; then
    echo "millwright: $folder cannot be written, so $version is fetched for this job alone: set MILLWRIGHT_CACHE to a folder that can" >&2
    step=$PWD/.millwright-step && draft=$(mktemp "$PWD/.fetched.XXXXXX")
  fi
  trap 'rm -f "$draft"' EXIT
  fetch_step "$sha256" "$draft"
  if ! printf '%s  %s\n' "$sha256" "$draft" | sha256sum --check --status; then
    echo "millwright: what $TASKSGODZILLA_API_URL sent is not the millwright-step of this script (SHA-256 $sha256): it was removed, and nothing was executed" >&2
    exit 1
  fi
  chmod 700 "$draft" && mv -f "$draft" "$step"
  trap - EXIT
}

fetch_step() {
  local url=${TASKSGODZILLA_API_URL:-} token=${TASKSGODZILLA_API_TOKEN:-} code=0
  local else="put it on the worker's PATH, in an image for example"
  if [ -z "$url" ]; then
    echo "millwright: no millwright-step of this version is here, and TASKSGODZILLA_API_URL, where it is fetched, does not reach this job: $else" >&2
    exit 3
  fi
  if ! type -P curl > /dev/null; then
    echo "millwright: no millwright-step of this version is here, and there is no curl to fetch it: install curl, or $else" >&2
    exit 3
  fi
  token=${token//\\/\\\\} token=${token//\"/\\\"}
  # The token goes to curl through a pipe: arguments can be read by others.
  { [ -z "$token" ] || printf 'header = "Authorization: Bearer %s"\n' "$token"; } | curl --config - --fail --silent --show-error \
    --connect-timeout 20 --max-time 300 --retry 2 --output "$2" "${url%/}/dist/millwright-step/$1" || code=$?
  if [ "$code" -ne 0 ]; then
    echo "millwright: millwright-step could not be fetched from $url (curl ended with $code): is the server of the version that was deployed? Else $else" >&2
    exit 3
  fi
}

# shellcheck shell=bash
# For the servers that want a file to configure them, in a folder of its own that goes when they go.
# The launcher that reads this file writes the configuration into $dir, and then says
#
#   launch COMMAND [ARGUMENT ...]

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

launch() {
    local stopped=
    "$@" &
    local server=$!
    trap 'stopped=1; kill -TERM "$server" 2>/dev/null' TERM INT
    wait "$server" || {
        [[ $stopped ]] || return
        # The signal ended the wait before the server has ended.
        wait "$server" || true
    }
}

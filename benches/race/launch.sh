# shellcheck shell=bash
# For the servers that want a file to configure them, in a folder of its own that goes when they go.
# The launcher that reads this file writes the configuration into $dir, and then says
#
#   launch COMMAND [ARGUMENT ...]
#
# SIGTERM to the launcher stops the server by $stop.

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
stop=TERM

launch() {
    local stopped=no
    "$@" &
    local server=$!
    trap 'stopped=yes; kill -s "$stop" "$server" 2>/dev/null' TERM INT
    wait "$server" || {
        [[ $stopped = yes ]] || return
        # The signal ended the wait before the server has ended.
        wait "$server" 2>/dev/null || true
    }
}

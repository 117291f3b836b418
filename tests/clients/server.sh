# shellcheck shell=bash
# Sourced by the scripts beside it: starts a hullo on a free loopback port, and stops it by its own
# process id. `$url` is where it listens, `$server` its process id, `$scratch` a folder of its own
# that goes at the end.

# Nobody's proxy stands between a client and the loopback.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY

scratch=$(mktemp -d)
server=
export url=

tidy() {
    if [[ -n $server ]]; then
        kill -KILL "$server" 2>/dev/null
        wait "$server" 2>/dev/null
    fi
    rm -rf "$scratch"
}
trap tidy EXIT

# start BINARY [OPTION...]
start() {
    local line
    : >"$scratch/stdout"
    "$1" --host 127.0.0.1 --port 0 "${@:2}" >"$scratch/stdout" 2>"$scratch/stderr" &
    server=$!
    for _ in {1..100}; do
        # Scripts that start a server rely on this first line.
        if read -r line <"$scratch/stdout" && [[ $line =~ ^listening\ on\ (http://127\.0\.0\.1:[0-9]+)\  ]]; then
            url=${BASH_REMATCH[1]}
            return
        fi
        sleep 0.05
    done
    echo "the server does not print its address:"
    cat "$scratch/stdout" "$scratch/stderr"
    exit 1
}

# Succeeds if the server exits within 5 seconds of SIGTERM, with exit code 0 and nothing on standard
# error but that it drains.
# Not in a subshell: only the shell that started it can wait for it.
stop() {
    local code=0
    kill -TERM "$server"
    for _ in {1..100}; do
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$server" 2>/dev/null && echo "it did not end within 5 s of SIGTERM"
    wait "$server" || code=$?
    server=
    echo "exit code $code"
    cat "$scratch/stderr"
    [[ $code == 0 ]] && ! grep -vq '^hullo: draining: ' "$scratch/stderr"
}

#!/bin/sh
# Starts text-embeddings-inference for the worker alone. Everything else it reads from its own variables, such as MODEL_ID.
unset MALLOC_ARENA_MAX # the worker's
export PORT="${MODEL_SERVER_PORT:?}"
# Images for GPUs set up the driver's libraries there first; the one for CPUs has the program only.
[ -x /entrypoint.sh ] && exec /entrypoint.sh --hostname 127.0.0.1 --json-output
exec text-embeddings-router --hostname 127.0.0.1 --json-output

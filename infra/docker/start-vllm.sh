#!/bin/sh
# Starts vLLM for the worker alone. It takes its model and most options as arguments: MODEL_ARGUMENTS, words between blanks.
unset MALLOC_ARENA_MAX # the worker's
set -f
# shellcheck disable=SC2086 # words, meant to be split
exec vllm serve "${MODEL_ID:?}" --host 127.0.0.1 --port "${MODEL_SERVER_PORT:?}" $MODEL_ARGUMENTS

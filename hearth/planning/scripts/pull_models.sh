#!/bin/sh
# Pulls the models named as arguments into the volume at OLLAMA_MODELS with a server of its own; finished layers are kept.
set -eu
ollama serve &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
until ollama list >/dev/null 2>&1; do
  kill -0 "$server" || { echo "the local server ended before it was ready" >&2; exit 1; }
  sleep 1
done
number=0
for model in "$@"; do
  number=$((number + 1))
  echo "pulling $model ($number of $#)"
  ollama pull "$model"
done
echo "all $# models are on the volume"

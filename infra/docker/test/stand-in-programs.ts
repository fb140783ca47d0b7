/** Shell programs at the places, and with the arguments, of the real ones. */

const modelServer = '/opt/stand-in/node /opt/stand-in/model-server.mjs';

/** `/entrypoint.sh` of text-embeddings-inference. $STAND_IN_OPTIONS: what the embedded model server is to be like. */
export const teiEntrypoint = `#!/bin/sh
exec ${modelServer} --dialect tei $STAND_IN_OPTIONS "$@"
`;

export const vllm = `#!/bin/sh
[ "$1 $3 $5" = "serve --host --port" ] || { echo "unexpected arguments: $*" >&2; exit 2; }
exec ${modelServer} --dialect vllm --served-model-name "$2" --hostname "$4" --port "$6" $STAND_IN_OPTIONS
`;

/** Stays until it is told to end, and says so. */
const stay = `trap 'echo "$0 ends"; exit 0' TERM
while :; do sleep 3600 & wait $!; done
`;

export const cloudflared = `#!/bin/sh
echo "$0 $* with a token of \${#TUNNEL_TOKEN} characters"
${stay}`;

export const tailscaled = `#!/bin/sh
for option in "$@"; do case $option in --socket=*) touch "\${option#--socket=}";; esac; done
echo "$0 $*"
${stay}`;

/** Joins when the daemon is there and the key file holds a key. */
export const tailscale = `#!/bin/sh
for option in "$@"; do
  case $option in
    --socket=*) [ -e "\${option#--socket=}" ] || { echo "no daemon" >&2; exit 1; };;
    --auth-key=file:*) echo "$0 $* with a key of $(wc -c < "\${option#--auth-key=file:}") characters";;
  esac
done
`;

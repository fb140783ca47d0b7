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
const stay = `process.once('SIGTERM', () => { say('ends'); process.exit(); });
setInterval(() => undefined, 60_000);
`;

/** Programs of the network are Node's here, which their images lack and the worker's has. */
const head = `#!/usr/bin/env node
const options = process.argv.slice(2);
const say = (text) => console.log(process.argv[1].split('/').at(-1), text);
`;

export const cloudflared = `${head}say(options.join(' ') + ' with a token of ' + (process.env.TUNNEL_TOKEN ?? '').length + ' characters');
${stay}`;

export const tailscaled = `${head}const socket = options.find((option) => option.startsWith('--socket=')).slice('--socket='.length);
require('node:fs').writeFileSync(socket, '');
say(options.join(' '));
${stay}`;

/** Joins when the daemon is there and the key file holds a key. */
export const tailscale = `#!/bin/sh
for option in "$@"; do
  case $option in
    --socket=*) [ -e "\${option#--socket=}" ] || { echo "no daemon" >&2; exit 1; };;
    --auth-key=file:*) echo "tailscale $* with a key of $(wc -c < "\${option#--auth-key=file:}") characters";;
  esac
done
`;

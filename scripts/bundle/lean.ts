import { fileURLToPath } from 'node:url';
import type { OutputOptions, Plugin } from 'rolldown';

/**
 * What makes a bundle start quickly and stay small in memory. What each part gives stands in docs/performance.md.
 */

/**
 * `import … from 'node:http'` reads every export of the module, and one of them, WebSocket, loads Node's whole `fetch`.
 * Taken as what it is, a module of Node's loads what is used of it.
 */
const builtinsUnread: Plugin = {
  name: 'builtins-unread',
  renderChunk: (code) => ({
    code: code.replace(/^import (\{[^}]*\}) from "(node:[a-z_/]+)";$/gm, (_, names: string, module: string) => {
      return `const ${names.replace(/([\w$]+) as ([\w$]+)/g, '$1: $2')} = process.getBuiltinModule("${module}");`;
    }),
    map: null, // no line moves
  }),
};

const absent = (name: string) => `() => { throw new Error('${name} is left out of bundles: scripts/bundle/lean.ts'); }`;

/**
 * Tables that express's parts bring: of encodings, for parsers of bodies, and of file types. The worker reads bodies by
 * itself and names each type in full. And HTTP/2, which we tell undici not to speak. Whoever needs one is told where it went.
 * prom-client's observer of garbage collections takes 2 % of the CPU under load, and counts one of all that come at once.
 */
const leftOut = new Map([
  ['iconv-lite', `exports.getDecoder = ${absent('iconv-lite')};`],
  ['./client-h2.js', `module.exports = ${absent('HTTP/2')};`],
  ['./metrics/gc', 'module.exports = () => undefined;'],
  ['mime-db', `module.exports = { 'text/html': { charset: 'UTF-8', extensions: ['html'] } };`],
]);

const leanLibraries: Plugin = {
  name: 'lean-libraries',
  resolveId(source) {
    if (source === 'undici') return fileURLToPath(new URL('undici.cjs', import.meta.url));
    return leftOut.has(source) ? `\0${source}` : undefined;
  },
  load: (id) => leftOut.get(id.slice(1)),
};

/** One character beyond Latin-1, and V8 keeps the whole file with two bytes for each. They are in texts only: comments are gone. */
const oneBytePerCharacter: Plugin = {
  name: 'one-byte-per-character',
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = chunk.code.replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
    }
  },
};

export const leanPlugins: Plugin[] = [builtinsUnread, leanLibraries, oneBytePerCharacter];

/** What is loaded later, or never, is in files of its own. Names stay, so that traces can be read. */
export const leanOutput = {
  format: 'esm',
  cleanDir: true,
  entryFileNames: '[name].mjs',
  chunkFileNames: '[name]-[hash].mjs',
  comments: false,
  minify: 'dce-only',
} satisfies OutputOptions;

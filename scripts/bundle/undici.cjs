/**
 * undici without its `fetch`, mocks, caches and interceptors, which make up half of it and stay in memory once loaded.
 * Put in the place of the package by ./lean.ts, in bundles only.
 */
const { request } = require('undici/lib/api/index.js');
const Agent = require('undici/lib/dispatcher/agent.js');
const Client = require('undici/lib/dispatcher/client.js');
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');
const Pool = require('undici/lib/dispatcher/pool.js');

Dispatcher.prototype.request = request;

module.exports = {
  Agent,
  Client,
  Dispatcher,
  Pool,
  /** For spans only. */
  get RetryAgent() {
    return require('undici/lib/dispatcher/retry-agent.js');
  },
  /** All of ours name their dispatcher. */
  request(url, { dispatcher, method = 'GET', ...options }) {
    const { origin, pathname, search } = new URL(url);
    return dispatcher.request({ ...options, origin, path: pathname + search, method });
  },
};

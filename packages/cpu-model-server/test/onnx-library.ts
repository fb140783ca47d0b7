import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { installCommand } from '../src/onnx-library.ts';

const folder = new URL('../onnx/', import.meta.url);
const installMs = 5 * 60_000;

/** The library is installed apart: with REQUIRE_ALL=1 it is installed now, otherwise its tests are skipped where it is absent. */
export function hasLibrary(): boolean {
  if (isInstalled()) return true;
  if (process.env.REQUIRE_ALL === '1') return install();
  console.warn(`skipped: the engine onnx, for want of @huggingface/transformers (${installCommand()})`);
  return false;
}

function isInstalled(): boolean {
  try {
    createRequire(new URL('library.js', folder)).resolve('@huggingface/transformers');
    return true;
  } catch {
    return false;
  }
}

function install(): boolean {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const { status, stderr } = spawnSync('npm', args, { cwd: fileURLToPath(folder), timeout: installMs, encoding: 'utf8' });
  if (status === 0) return true;
  throw new Error(`the engine onnx needs @huggingface/transformers, and REQUIRE_ALL=1 lets nothing be skipped:\n${stderr}`);
}

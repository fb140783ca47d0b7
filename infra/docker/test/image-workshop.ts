import { execFile, execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { cloudflared, tailscale, tailscaled, teiEntrypoint, vllm } from './stand-in-programs.ts';

/**
 * Builds images without a registry: the upstream ones are replaced by local root file systems, with a small Debian, this
 * repository's Node and the embedded model server in the upstream's place. Everything lies in one folder that is removed.
 */

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Programs and the Debian packages they come in. */
const needed = {
  buildah: 'buildah',
  podman: 'podman',
  runc: 'runc',
  mmdebstrap: 'mmdebstrap',
  openssl: 'openssl',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

export function ensureTools(): void {
  const missing = Object.entries(needed).flatMap(([program, name]) => (isThere(program) ? [] : [name]));
  if (process.getuid?.() !== 0)
    throw new Error(`Images are built as root here: sudo npm run test:images (packages: ${Object.values(needed).join(' ')})`);
  if (missing.length === 0) return;
  if (!isThere('apt-get')) throw new Error(`Please install ${missing.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { stdio: 'ignore', env });
}

const isThere = (program: string) => (program.startsWith('/') ? existsSync(program) : programPath(program) !== undefined);

function programPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What `build` replaces the upstream images by. */
export interface StandIns {
  node: string;
  tei: string;
  vllm: string;
  cloudflared: string;
  tailscale: string;
}

export class ImageWorkshop {
  readonly folder: string;
  readonly #storage: string[];

  constructor(folder: string) {
    this.folder = folder;
    this.#storage = ['--storage-driver', 'overlay', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')];
  }

  /** What it keeps between steps, such as the package store, lies in the folder too. */
  buildah(...args: string[]): Promise<string> {
    return run('buildah', [...this.#storage, ...args], { ...process.env, TMPDIR: this.folder });
  }

  podman(...args: string[]): Promise<string> {
    return run('podman', [...this.#storage, '--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'none', ...args]);
  }

  /** For what a test keeps. */
  emptyFolder(name: string): string {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    return folder;
  }

  async makeStandIns(): Promise<StandIns> {
    const base = join(this.folder, 'base.tar');
    await run('mmdebstrap', ['--variant=apt', '--include=ca-certificates,tini', 'bookworm', base]);
    await this.#commit('base', 'scratch', { '/': base });
    rmSync(base);
    const names = { node: 'node', tei: 'tei', vllm: 'vllm', cloudflared: 'cloudflared', tailscale: 'tailscale' };
    await this.#commit(names.node, 'base', this.#nodeFiles(), this.#nodeEnvironment());
    await this.#commit('model-server', 'base', await this.#modelServerFiles());
    const programs = (texts: Record<string, string>) =>
      Object.fromEntries(Object.entries(texts).map(([path, text]) => [path, this.#file(basename(path), text)]));
    await this.#commit(names.tei, 'model-server', programs({ '/entrypoint.sh': teiEntrypoint }), { PORT: '80' });
    await this.#commit(names.vllm, 'model-server', programs({ '/usr/local/bin/vllm': vllm }));
    await this.#commit(names.cloudflared, 'scratch', programs({ '/usr/local/bin/cloudflared': cloudflared }));
    const tailscalePrograms = { '/usr/local/bin/tailscale': tailscale, '/usr/local/bin/tailscaled': tailscaled };
    await this.#commit(names.tailscale, 'scratch', programs(tailscalePrograms));
    return names;
  }

  /** @returns the image's name */
  async build(service: string, standIns: StandIns, target?: string): Promise<string> {
    const dockerfile = join(this.folder, `${service}.Dockerfile`);
    const text = readFileSync(join(root, 'services', service, 'Dockerfile'), 'utf8');
    writeFileSync(dockerfile, text.replaceAll('COPY --link', 'COPY')); // which older buildahs do not know; it changes no file
    const { node, cloudflared, tailscale } = standIns;
    const model = text.includes('start-vllm') ? standIns.vllm : standIns.tei;
    const images = { NODE_IMAGE: node, MODEL_IMAGE: model, CLOUDFLARED_IMAGE: cloudflared, TAILSCALE_IMAGE: tailscale };
    const name = target ? `${service}-${target}` : service;
    await this.buildah(
      'build',
      ...['--isolation', 'chroot', '--pull=never', '--network', 'host', '--format', 'docker', '--layers', '--quiet'],
      ...Object.entries(images).flatMap(([argument, image]) => ['--build-arg', `${argument}=localhost/${image}`]),
      ...(target ? ['--target', target] : []),
      ...['--tag', name, '--file', dockerfile, root],
    );
    return name;
  }

  /** What pulling it costs on a machine that has the upstream image: bytes of the other layers, compressed. */
  async compressedBytesAdded(image: string, upstream: string): Promise<number> {
    const layersOf = async (name: string) => {
      const folder = join(this.folder, 'measure');
      await this.buildah('push', '--quiet', '--format', 'oci', `localhost/${name}`, `dir:${folder}`);
      const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { layers: { size: number }[] };
      rmSync(folder, { recursive: true });
      return manifest.layers;
    };
    const shared = (await layersOf(upstream)).length;
    return (await layersOf(image)).slice(shared).reduce((sum, { size }) => sum + size, 0);
  }

  /** Containers, images and the folder. */
  async remove(): Promise<void> {
    await this.podman('rm', '--all', '--force', '--time', '1').catch(() => undefined);
    await this.buildah('rm', '--all').catch(() => undefined);
    await this.podman('rmi', '--all', '--force').catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 }); // mounts go a moment after their program
  }

  async #commit(name: string, from: string, files: Record<string, string>, env: Record<string, string> = {}): Promise<void> {
    const container = await this.buildah('from', '--pull-never', from === 'scratch' ? from : `localhost/${from}`);
    for (const [to, source] of Object.entries(files)) await this.buildah('add', '--quiet', container, source, to);
    for (const [variable, value] of Object.entries(env)) await this.buildah('config', '--env', `${variable}=${value}`, container);
    await this.buildah('commit', '--quiet', '--rm', container, `localhost/${name}`);
  }

  /** As in the official image: node, npm and npx below /usr/local. */
  #nodeFiles(): Record<string, string> {
    const npm = dirname(dirname(realpathSync(programPath('npm') as string)));
    const start = (name: string) => this.#file(name, `#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/${name}-cli.js "$@"\n`);
    return {
      '/usr/local/bin/node': process.execPath,
      '/usr/local/lib/node_modules/npm': npm,
      '/usr/local/bin/npm': start('npm'),
      '/usr/local/bin/npx': start('npx'),
      ...(caBundle ? { '/etc/ca-of-the-host.pem': caBundle } : {}),
    };
  }

  /** Whatever this machine needs to reach its package registry, the build needs too. */
  #nodeEnvironment(): Record<string, string> {
    const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    return { npm_config_registry: registry, ...(caBundle ? { NODE_EXTRA_CA_CERTS: '/etc/ca-of-the-host.pem' } : {}) };
  }

  async #modelServerFiles(): Promise<Record<string, string>> {
    const file = join(this.folder, 'model-server.mjs');
    const build = await rolldown({ input: join(root, 'packages/cpu-model-server/src/main.ts'), platform: 'node' });
    await build.write({ file, format: 'esm', codeSplitting: false });
    await build.close();
    return { '/opt/stand-in/node': process.execPath, '/opt/stand-in/model-server.mjs': file };
  }

  #file(name: string, text: string): string {
    const file = join(this.folder, 'files', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o755 });
    return file;
  }
}

const caBundle = process.env.NODE_EXTRA_CA_CERTS;

/** @returns what it wrote to stdout. @throws Error with what it wrote to stderr */
async function run(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const path = `${env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`;
  try {
    const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024, env: { ...env, PATH: path } });
    return stdout.trim();
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed (${String(code)}):\n${stdout.slice(-4_000)}\n${stderr.slice(-8_000)}`, {
      cause: error,
    });
  }
}

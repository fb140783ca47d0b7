import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

const rootFiles = [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'turbo.json',
  'tsconfig.base.json',
  'rolldown.service.config.ts',
  '.changeset',
];

/**
 * The manifests of this very workspace in a repository of their own, with one commit: a line of source for each package, a Dockerfile for
 * each service, and all changesets. Tools that read a workspace and git find what they would find here, and may change it.
 */
export class WorkspaceCopy implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'workspace-copy-'));
  readonly services = readdirSync(join(repository, 'services')).toSorted();
  /** The first commit. */
  readonly base: string;

  constructor() {
    for (const file of rootFiles) cpSync(join(repository, file), join(this.root, file), { recursive: true });
    for (const group of ['packages', 'services']) {
      for (const name of readdirSync(join(repository, group))) {
        const manifest = join(repository, group, name, 'package.json');
        if (!existsSync(manifest)) continue;
        this.append(`${group}/${name}/src/index.ts`, 'export {};\n');
        if (group === 'services') this.append(`${group}/${name}/Dockerfile`, 'FROM scratch\n');
        cpSync(manifest, join(this.root, group, name, 'package.json'));
      }
    }
    this.git('init', '--quiet', '--initial-branch=main');
    this.base = this.commit();
  }

  /** @returns what git printed */
  git(...args: string[]): string {
    return execFileSync('git', args, { cwd: this.root, encoding: 'utf8', env: this.environment, stdio: 'pipe' }).trim();
  }

  /** @returns the commit of everything as it is now */
  commit(): string {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '--message', 'a change');
    return this.git('rev-parse', 'HEAD');
  }

  /** Back to the first commit, without tags. */
  reset(): void {
    this.git('checkout', '--quiet', '--force', '-B', 'main', this.base);
    this.git('clean', '--quiet', '--force', '-d');
    for (const tag of this.git('tag').split('\n')) if (tag !== '') this.git('tag', '--delete', tag);
  }

  append(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    appendFileSync(join(this.root, path), text);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  /** For git and what runs it: nobody's configuration, an author. */
  get environment(): NodeJS.ProcessEnv {
    const author = {
      GIT_AUTHOR_NAME: 'test',
      GIT_AUTHOR_EMAIL: 'test@example.com',
      GIT_COMMITTER_NAME: 'test',
      GIT_COMMITTER_EMAIL: 'test@example.com',
    };
    return { PATH: process.env.PATH, HOME: this.root, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', ...author };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

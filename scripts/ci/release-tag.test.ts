import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { imageOfTag } from './release-tag.ts';

const services = ['agent-brain', 'rfp-automation'];

describe('a release tag', () => {
  it('of a service asks for its image', () => {
    expect(imageOfTag('@bluefly/agent-brain@1.2.3', services)).toEqual({ service: 'agent-brain', version: '1.2.3' });
    expect(imageOfTag('@bluefly/agent-brain@2.0.0-next.1', services)).toEqual({ service: 'agent-brain', version: '2.0.0-next.1' });
  });

  it('of a package asks for none', () => {
    expect(imageOfTag('@bluefly/vast-worker@1.2.3', services)).toBeUndefined();
  });

  it.each(['agent-brain@1.2.3', '@other/agent-brain@1.2.3', '@bluefly/agent-brain@1.2', '@bluefly/agent-brain@1.2.3\nservice=x', ''])(
    'is not %j',
    (tag) => {
      expect(() => imageOfTag(tag, services)).toThrow('expected a tag @bluefly/NAME@X.Y.Z');
    },
  );

  it('becomes outputs of a step, empty ones for a package', () => {
    const command = fileURLToPath(new URL('../release-image.ts', import.meta.url));
    const run = (tag: string) => execFileSync(process.execPath, [command], { env: { GITHUB_REF_NAME: tag }, encoding: 'utf8' });
    expect(run('@bluefly/vast-worker@1.2.3')).toBe('service=\nversion=\n');
  });
});

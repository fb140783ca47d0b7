/** What an image is called in the registry and says about itself. */
export interface ImageNames {
  /** Without a tag, lower case. */
  image: string;
  tags: string[];
  labels: Record<string, string>;
}

export interface ImageSource {
  /** Of the repository, as `bluefly`. */
  owner: string;
  service: string;
  /** `default`, or a stage of the Dockerfile. */
  target: string;
  /** Of the service's package.json. */
  version: string;
  /** 40 hexadecimal digits. */
  commit: string;
  /** Whether this is what a release tag asked for. */
  isRelease: boolean;
}

/**
 * Each tag is written by one workflow for one commit, so none ever moves: a commit on main is `sha-COMMIT` and `VERSION-COMMIT`, with
 * 40 and 12 digits, a release is `VERSION`. Another target than the default ends in its name. There is no `latest`.
 */
export function imageNames({ owner, service, target, version, commit, isRelease }: ImageSource): ImageNames {
  const image = `ghcr.io/${owner.toLowerCase()}/${service}`;
  const suffix = target === 'default' ? '' : `-${target}`;
  const names = isRelease ? [version] : [`sha-${commit}`, `${version}-${commit.slice(0, 12)}`];
  return {
    image,
    tags: names.map((name) => `${image}:${name}${suffix}`),
    labels: { 'org.opencontainers.image.revision': commit, 'org.opencontainers.image.version': version },
  };
}

/** As `GITHUB_OUTPUT` wants them; none of the values has a line break. */
export function asStepOutputs({ image, tags, labels }: ImageNames): string {
  const lines = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [`image=${image}`, 'tags<<END', ...tags, 'END', 'labels<<END', ...lines, 'END', ''].join('\n');
}
